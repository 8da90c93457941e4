"""The exception and warning classes of spotal.

Each message is one sentence: the argument, what was found, and what to do. The command line prints it and exits with 2.
An :class:`InputError` has these three parts as fields.
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
    "reason_of",
    "to_call",
    "unknown_name",
]


class SpotalError(Exception):
    """Base of every error that spotal raises on purpose."""


class InputError(SpotalError, ValueError):
    """An argument has the wrong shape, dtype, range or content.

    ``str(error)`` is one sentence made of the fields: "budget must be at most 90, found 100; lower it". Without
    ``must``, ``found`` describes the whole problem: "X has 3 columns where dim is 2; pass points of that dimension".

    Parameters
    ----------
    argument : str
        Name of the parameter in the signature or in the configuration file.
    found : object
        The value or problem that was found, stored as text.
    remedy : str
        The action to take. It may be empty if ``must`` implies it.
    must : str
        The requirement: "be at most 90".
    subject : str
        Subject of the sentence if the argument's name is not enough, such as a file.

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
        """Return the sentence with ``subject``, or else ``name``, as the name of the argument."""
        problem = self.found
        if self.must:
            problem = f"must {self.must}" + (f", found {self.found}" if self.found else "")
        return f"{self.subject or name} {problem}" + (f"; {self.remedy}" if self.remedy else "")

    def renamed(self, argument: str, subject: str = "") -> Self:
        """Return the same error for another name of the argument, such as its name in a calling function."""
        return type(self)(argument, self.found, self.remedy, must=self.must, subject=subject)

    def within(self, place: str) -> Self:
        """Return the same error with a file or table before the argument: "pool.toml: size must"."""
        return self.renamed(self.argument, f"{place}: {self.subject or self.argument}")

    def __str__(self) -> str:
        return self.sentence(self.argument)


def like(name: object, known: Iterable[str]) -> str:
    """Return "did you mean ...?" with the most similar known name, or an empty text.

    Examples
    --------
    >>> from spotal.errors import like
    >>> like("sport", ["spot", "random"])
    "did you mean 'spot'?"
    """
    from difflib import get_close_matches

    names, text = list(known), str(name)
    matches = get_close_matches(text, names, 1, 0.5) or get_close_matches(text.lower(), names, 1, 0.5)
    return f"did you mean {matches[0]!r}?" if matches else ""


def to_call(value: object) -> str:
    """Return the remedy for a class that was passed in place of an instance, or an empty text.

    Examples
    --------
    >>> from spotal.errors import to_call
    >>> to_call(dict)
    'make one of it: dict()'
    """
    return f"make one of it: {value.__name__}()" if isinstance(value, type) else ""


def unknown_name(argument: str, name: object, known: Iterable[str]) -> InputError:
    """Return the error for an unknown name. It lists the known names and suggests the most similar one.

    Examples
    --------
    >>> from spotal.errors import unknown_name
    >>> str(unknown_name("strategy", "sport", ["spot", "random"]))
    "strategy must be one of spot, random, found 'sport'; did you mean 'spot'?"
    """
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
    """A result cannot be written to the given path."""


class ProjectError(SpotalError, ValueError):
    """A folder is not a project, or its settings, its database or an answer to record are invalid."""


class ProjectBusyError(ProjectError):
    """Another process uses the project and must finish first."""


class FinishedError(ProjectError):
    """Nothing can be selected: the budget is spent, a stopping rule is met, or no item remains."""


class ResourceError(SpotalError, RuntimeError):
    """A process or device ran out of memory, or the process was killed."""


class LabelStudioError(SpotalError, OSError):
    """Label Studio cannot be reached, refuses a request, or lacks something that is needed.

    ``temporary`` : bool, whether the same request may succeed later.
    """

    def __init__(self, sentence: str, *, temporary: bool = False) -> None:
        super().__init__(sentence)
        self.temporary = temporary


class SpotalWarning(UserWarning):
    """Base of every warning that spotal gives on purpose."""


class SkippedWarning(SpotalWarning):
    """Unreadable images were left out. ``sentence(choice)`` names the option that makes them an error."""

    def __init__(self, said: str, choice: str = "") -> None:
        super().__init__(said, choice)

    def sentence(self, choice: str) -> str:
        """Return the sentence with ``choice``, such as "pass --strict", if the caller can choose."""
        text, can_choose = self.args
        return f"{text}, or {choice} to stop at them" if choice and can_choose else str(text)

    def __str__(self) -> str:
        return self.sentence(self.args[1])


class FormatNote(SpotalWarning):
    """A file was read in a special way, for example with another delimiter, decimal commas or UTF-16."""


class ConvergenceWarning(SpotalWarning):
    """An iterative method stopped at its limit before it met its tolerance."""


def reason_of(error: OSError) -> str:
    """Return why the system refused a file, in lower case, for the middle of a sentence."""
    return (error.strerror or str(error)).lower()


def one_line(error: object, most: int = 200) -> str:
    """Return an error's message, or else its class, on one line of at most ``most`` characters.

    Examples
    --------
    >>> one_line(ValueError("no such   file"))
    'no such file'
    """
    return " ".join(str(error).split())[:most] or type(error).__name__
