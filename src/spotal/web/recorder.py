"""Recorder: records answers that arrive at the same time in one transaction, and confirms them when they are on "
"disk."""

from __future__ import annotations

from typing import Any

from spotal.errors import ProjectError
from spotal.project import Answer, Event, Project, Undo
from spotal.web.together import Together

__all__ = ["Recorder"]


class Recorder:
    """A recorder of answers, in the order in which they arrive. It belongs to one event loop.

    While one transaction is written to disk, answers are gathered for the next one. So each person waits for at most
    two transactions, however many people answer.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._together = Together(self._record)

    async def record(self, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Record answers and return a reply to each: the item's answer now, or the reason why it was refused.

        Raises
        ------
        OutputError
            The disk cannot be written to; no answer is recorded.
        """
        return await self._together.ask(answers)

    def _record(self, parts: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]] | Exception]:
        replies = iter(self._replies([answer for part in parts for answer in part]))
        return [[next(replies) for _ in part] for part in parts]

    def _replies(self, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        names = self._project.items.ids({answer["item"] for answer in answers})
        valid = [one for one in answers if one["kind"] == "undo" or one["item"] in names]
        events = iter(self._project.labels.record_each([_answer(one, names) for one in valid]))
        return [
            _reply(one, next(events) if one["kind"] == "undo" or one["item"] in names else self._unknown(one))
            for one in answers
        ]

    def _unknown(self, answer: dict[str, Any]) -> ProjectError:
        last = len(self._project.items) - 1
        return ProjectError(f"numbers must be those of items, 0 to {last}, found {answer['item']}")


def _answer(given: dict[str, Any], names: dict[int, str]) -> Answer | Undo:
    if given["kind"] == "undo":
        return Undo(given["annotator"], external_id=given["of"])
    words = (names[given["item"]], given["annotator"], given["kind"], given.get("label"))
    source = "suggestion" if given.get("suggested") else "page"
    return Answer(*words, source=source, external_id=given["id"], content=given.get("content"))


def _reply(answer: dict[str, Any], event: Event | ProjectError | None) -> dict[str, Any]:
    if isinstance(event, ProjectError):
        return {"id": answer["id"], "error": str(event)}
    now = None if event is None or event.kind == "withdraw" else {"kind": event.kind, "label": event.label}
    return {"id": answer["id"], "item": answer["item"], "now": now}
