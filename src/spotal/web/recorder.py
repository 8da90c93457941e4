"""Recorder: answers that come at the same time are recorded together, each told to its sender when it is on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spotal.errors import ProjectError
from spotal.project import Answer, Undo
from spotal.web.together import Together

if TYPE_CHECKING:
    from spotal.project import Event, Project

__all__ = ["Recorder"]


class Recorder:
    """Records answers of many requests as one transaction after the other, in the order in which they come.

    While one is written to disk, answers gather for the next: however many people answer, each waits for two
    transactions at most. Belongs to one event loop.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._together = Together(self._record)

    async def record(self, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What is said to each answer, when all are on disk: what holds now, or why it cannot be recorded.

        Raises
        ------
        OutputError
            The disk cannot be written; none is recorded.
        """
        return await self._together.ask(answers)

    def _record(self, parts: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]] | Exception]:
        said = iter(self._recorded([answer for part in parts for answer in part]))
        return [[next(said) for _ in part] for part in parts]

    def _recorded(self, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        names = self._project.items.ids({answer["item"] for answer in answers})
        known = [one for one in answers if one["kind"] == "undo" or one["item"] in names]
        made = [_answer(one, names) for one in known]
        told = {id(one): said for one, said in zip(known, self._project.labels.record_each(made), strict=True)}
        return [_said(one, told[id(one)] if id(one) in told else self._unknown(one)) for one in answers]

    def _unknown(self, answer: dict[str, Any]) -> ProjectError:
        last = len(self._project.items) - 1
        return ProjectError(f"numbers must be those of items, 0 to {last}, found {answer['item']}")


def _answer(given: dict[str, Any], names: dict[int, str]) -> Answer | Undo:
    if given["kind"] == "undo":
        return Undo(given["annotator"], external_id=given["of"])
    words = (names[given["item"]], given["annotator"], given["kind"], given.get("label"))
    source = "suggestion" if given.get("suggested") else "page"
    return Answer(*words, source=source, external_id=given["id"], content=given.get("content"))


def _said(answer: dict[str, Any], done: Event | ProjectError | None) -> dict[str, Any]:
    if isinstance(done, ProjectError):
        return {"id": answer["id"], "error": str(done)}
    now = None if done is None or done.kind == "withdraw" else {"kind": done.kind, "label": done.label}
    return {"id": answer["id"], "item": answer["item"], "now": now}
