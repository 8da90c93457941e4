"""Annotation tools: label items in other programs than spotal's own page.

``push`` sends the items to label to the tool, and ``pull`` reads the answers. Both can be repeated at any time, by any
number of processes. Answers become events of the project with the tool's ids and versions. So nothing is recorded
twice, and a later change or deletion is a later event. Heavy packages are imported when a tool is opened.
"""

from spotal.annotate.base import Guesses, Pulled, Pushed, newest_guesses
from spotal.annotate.label_studio import LabelStudio

__all__ = ["Guesses", "LabelStudio", "Pulled", "Pushed", "newest_guesses"]
