"""Annotation tools: where people answer, other than our own page.

A tool is given what is to be answered (``push``) and asked for what was said (``pull``); both may be repeated at any
time, by any number of processes. What people say becomes events of the project, with the tool's own ids and versions,
so that nothing is recorded twice and a later change or deletion is a later event. Heavy packages are imported when a
tool is opened.
"""

from spotal.annotate.base import Guesses, Pulled, Pushed, newest_guesses
from spotal.annotate.label_studio import LabelStudio

__all__ = ["Guesses", "LabelStudio", "Pulled", "Pushed", "newest_guesses"]
