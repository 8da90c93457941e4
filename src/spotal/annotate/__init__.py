"""Annotation tools: label items in other programs than spotal's own page.

``push`` makes a task in the tool for each item to label, and ``pull`` reads the answers. Both can be repeated at any
time, by any number of processes. Answers are recorded as events of the project with the tool's ids and versions. So
nothing is recorded twice, and a change or deletion is recorded as a further event. Heavy packages are imported when a
tool is opened.
"""

from spotal.annotate.base import Guesses, Pulled, Pushed, newest_guesses
from spotal.annotate.label_studio import LabelStudio

__all__ = ["Guesses", "LabelStudio", "Pulled", "Pushed", "newest_guesses"]
