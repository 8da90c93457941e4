"""The labeling loop: rounds of train, embed, query and label.

active_learner.py  the loop as people use it
rounds.py          the rounds
pool_rows.py       features in which rows are compared
next_batch.py      rows to label in a round
classes.py         names of classes and a learner's numbers for them
state.py           the state between two rounds
saving.py          the state in a file
events.py          events for observers
oracle.py          sources of labels
"""

from spotal.loop.active_learner import ActiveLearner
from spotal.loop.events import Round
from spotal.loop.next_batch import Queries
from spotal.loop.oracle import Oracle, VectorOracle

__all__ = ["ActiveLearner", "Oracle", "Queries", "Round", "VectorOracle"]
