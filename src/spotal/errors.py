"""The exception and warning classes of spotal, each raised with one sentence a person can act on.

A sentence names the argument, says what was found and says what to do. The command line prints it and exits 2. An
:class:`InputError` has these three as fields, and its sentence is made of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

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
    "SkippedWarning",
    "SpotalError",
    "SpotalWarning",
    "like",
    "one_line",
    "to_call",
    "unknown_name",
]


class SpotalError(Exception):
    """Base of every error that spotal raises on purpose."""


class InputError(SpotalError, ValueError):
    """An argument has the wrong shape, dtype, range or content.

    ``str(error)`` is one sentence made of the fields: "budget must be at most 90, found 100; lower it". Without
    ``must``, ``found`` says by itself what is wrong: "X has 3 columns where dim is 2; pass points of that dimension".

    Parameters
    ----------
    argument : str
        Name of the parameter, as the signature or the configuration file has it.
    found : object
        What was found; kept as text.
    remedy : str
        What to do. It may be empty where ``must`` says so.
    must : str
        What the argument must be or do: "be at most 90".
    subject : str
        What the sentence calls the argument, where its name is not enough: the file that it names, or where it stands.

    Examples
    --------
    >>> error = InputError("budget", found=100, remedy="lower it", must="be at most 90")
    >>> str(error)
    'budget must be at most 90, found 100; lower it'
    >>> error.argument, error.found, error.remedy
    ('budget', '100', 'lower it')
    >>> str(InputError("tol", "is negative", "pass for example 1e-3"))
    'tol is negative; pass for example 1e-3'
    """

    def __init__(
        self, argument: str, found: object = "", remedy: str = "", *, must: str = "", subject: str = ""
    ) -> None:
        self.argument, self.found, self.remedy = argument, str(found), remedy
        self.must, self.subject = must, subject
        if not self.found and not must:
            raise TypeError("InputError needs what was found, or what the argument must be")
        super().__init__(argument, self.found, remedy)

    def sentence(self, name: str) -> str:
        """Return the sentence with the argument called ``name``; one with a ``subject`` keeps that."""
        said = self.found
        if self.must:
            said = f"must {self.must}" + (f", found {self.found}" if self.found else "")
        return f"{self.subject or name} {said}" + (f"; {self.remedy}" if self.remedy else "")

    def renamed(self, argument: str, subject: str = "") -> Self:
        """Return the same error about an argument of another name: that of the function which was called."""
        return type(self)(argument, self.found, self.remedy, must=self.must, subject=subject)

    def within(self, place: str) -> Self:
        """Return the same error with the file or table before it where the argument stands: "pool.toml: size must"."""
        return self.renamed(self.argument, f"{place}: {self.subject or self.argument}")

    def __str__(self) -> str:
        return self.sentence(self.argument)


def like(name: object, known: Iterable[str]) -> str:
    """Return "did you mean ...?" with the known name most like this one, or an empty text."""
    import difflib

    names = list(known)
    lower = str(name).lower()
    found = difflib.get_close_matches(str(name), names, 1, 0.5) or difflib.get_close_matches(lower, names, 1, 0.5)
    return f"did you mean {found[0]!r}?" if found else ""


def to_call(value: object) -> str:
    """Return what to do with a class that was passed for an object of it, or an empty text."""
    return f"make one of it: {value.__name__}()" if isinstance(value, type) else ""


def unknown_name(argument: str, name: object, known: Iterable[str]) -> InputError:
    """Return the error of a registry that has no such name: it lists the known ones and says which may be meant."""
    names = list(known)
    return InputError(
        argument, must=f"be one of {', '.join(names)}", found=repr(name), remedy=to_call(name) or like(name, names)
    )


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


class SkippedWarning(SpotalWarning):
    """Images that cannot be read were left out. ``sentence(choice)`` ends with what stops at them instead."""

    def __init__(self, said: str, choice: str = "") -> None:
        super().__init__(said, choice)

    def sentence(self, choice: str) -> str:
        """Return the sentence with ``choice``, such as "pass --strict", if the caller can choose."""
        said, can_choose = self.args
        return f"{said}, or {choice} to stop at them" if choice and can_choose else str(said)

    def __str__(self) -> str:
        return self.sentence(self.args[1])


class FormatNote(SpotalWarning):
    """How a file was read where that is not the plain case: another delimiter than a comma, decimal commas, UTF-16."""


class ConvergenceWarning(SpotalWarning):
    """An iterative method stopped at its limit before it met its tolerance."""


def one_line(error: object, most: int = 200) -> str:
    """Return an error's message on one line of at most ``most`` characters, or its class where it has none.

    Examples
    --------
    >>> one_line(ValueError("no such   file"))
    'no such file'
    """
    return " ".join(str(error).split())[:most] or type(error).__name__
