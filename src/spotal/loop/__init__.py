"""The labeling loop: rounds of train, embed, query, ask, label.

active_learner.py  the loop as people use it
rounds.py          the rounds
pool_rows.py       what rows are compared by
next_batch.py      rows that a round asks for
classes.py         names of classes and the numbers that a learner takes
state.py           what is known between two rounds
saving.py          the state in a file
events.py          what an observer is told
oracle.py          who knows the labels
"""

from spotal.loop.active_learner import ActiveLearner
from spotal.loop.events import Round
from spotal.loop.next_batch import Queries
from spotal.loop.oracle import Oracle, VectorOracle

__all__ = ["ActiveLearner", "Oracle", "Queries", "Round", "VectorOracle"]
