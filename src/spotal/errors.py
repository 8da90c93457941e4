"""The exception and warning classes of spotal, each raised with one sentence a person can act on.

A sentence names the argument, says what was found and says what to do. The command line prints it and exits 2.
"""

from __future__ import annotations

__all__ = [
    "BudgetError",
    "ConvergenceWarning",
    "DataFileError",
    "DatasetError",
    "FinishedError",
    "FormatNote",
    "InputError",
    "LabelStudioError",
    "ModelError",
    "OutputError",
    "ProjectBusyError",
    "ProjectError",
    "ResourceError",
    "SpotalError",
    "SpotalWarning",
]


class SpotalError(Exception):
    """Base of every error that spotal raises on purpose."""


class InputError(SpotalError, ValueError):
    """An argument has the wrong shape, dtype, range or content."""


class BudgetError(InputError):
    """The budget is negative, not an integer, or larger than the unlabeled pool."""


class DataFileError(SpotalError, ValueError):
    """A file is missing, unreadable, truncated, corrupt, or fails its checksum."""


class DatasetError(SpotalError, ValueError):
    """A named dataset is unknown, or is not on this machine and cannot be fetched."""


class ModelError(SpotalError, ValueError):
    """A model gives outputs of the wrong shape or number of classes, or cannot be used as asked."""


class OutputError(SpotalError, OSError):
    """A result cannot be written where it was asked for."""


class ProjectError(SpotalError, ValueError):
    """A folder is no project, or its settings, database or an answer to be recorded in it are not what they must be."""


class ProjectBusyError(ProjectError):
    """Another process is at work on the project and must finish first."""


class FinishedError(ProjectError):
    """There is nothing to choose: the budget is spent, a stopping rule is met, or no item is left."""


class ResourceError(SpotalError, RuntimeError):
    """A process or a device ran out of memory, or was ended from outside."""


class LabelStudioError(SpotalError, OSError):
    """Label Studio cannot be reached, refuses, or has not what it must have.

    ``temporary`` is whether the same request may do later.
    """

    def __init__(self, sentence: str, *, temporary: bool = False) -> None:
        super().__init__(sentence)
        self.temporary = temporary


class SpotalWarning(UserWarning):
    """Base of every warning that spotal gives on purpose."""


class FormatNote(SpotalWarning):
    """How a file was read where that is not the plain case: another delimiter than a comma, decimal commas, UTF-16."""


class ConvergenceWarning(SpotalWarning):
    """An iterative method stopped at its limit before it met its tolerance."""
