"""The labeling config: classes as choices for an image or text, and the meaning of an annotation's result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from spotal.errors import LabelStudioError
from spotal.project.class_sets import joined, parted

__all__ = ["NONE", "Labeling", "build_config", "read_config"]

NONE = "None of these"
"""The additional choice after the classes."""
MULTIPLE = "multiple"
"""Attribute ``choice`` of a Choices tag that allows several choices."""
OBJECTS = {"image": ("Image",), "text": ("Text", "HyperText")}
"""Tags that show an item, by the kind of the data; spotal writes the first."""


@dataclass(frozen=True)
class Labeling:
    """Names in a labeling config.

    control : str, name of the Choices tag; object : str, name of the tag that it is about; tag : str, kind of that tag
    in lower case; key : str, key of the task's data that the object shows
    choices : tuple of str; many : bool, whether several choices are allowed
    """

    control: str
    object: str
    tag: str
    key: str
    choices: tuple[str, ...]
    many: bool = False

    def result(self, label: str | None) -> list[dict[str, Any]]:
        """Return the result for a label: its class or classes, or "none of these" for None."""
        value = {"choices": list(parted(label, self.many)) or [NONE]}
        return [{"from_name": self.control, "to_name": self.object, "type": "choices", "value": value}]

    def read(self, annotation: Mapping[str, Any], classes: Sequence[str]) -> tuple[str, str | None] | str:
        """Return the kind and label of an annotation's answer, or a phrase about why it has none."""
        if annotation.get("was_cancelled"):
            return "skip", None
        chosen: list[str] = []
        for part in annotation.get("result") or []:
            if part.get("from_name") == self.control and part.get("type") == "choices":
                chosen += part.get("value", {}).get("choices", [])
        if self.many and chosen:
            return _set(chosen, classes)
        if len(chosen) != 1:
            return "chooses nothing" if not chosen else f"chooses {len(chosen)} classes, not one"
        if chosen[0] in classes:
            return "label", chosen[0]
        if chosen[0] == NONE:
            return "none_of_these", None
        return f"chooses {chosen[0]!r}, which is no class in spotal.toml"


def _set(chosen: list[str], classes: Sequence[str]) -> tuple[str, str | None] | str:
    """Return the kind and label of several choices, or a phrase about why they are invalid."""
    wrong = next((name for name in chosen if name not in classes), None)
    if wrong is None:
        return "label", joined(chosen)
    if wrong != NONE:
        return f"chooses {wrong!r}, which is no class in spotal.toml"
    return ("none_of_these", None) if set(chosen) == {NONE} else f"chooses {NONE!r} beside a class"


def build_config(kind: str, classes: Sequence[str], many: bool = False) -> str:
    """Return the labeling config of a new project; ``many`` allows several choices per item.

    Raises LabelStudioError for data that Label Studio cannot show.
    """
    key = _shown(kind)
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, OBJECTS[kind][0], name="item", value=f"${key}")
    choice = MULTIPLE if many else "single-radio"
    choices = ElementTree.SubElement(
        view, "Choices", name="label", toName="item", choice=choice, required="true", showInLine="true"
    )
    for name in dict.fromkeys([*classes, NONE]):
        ElementTree.SubElement(choices, "Choice", value=name)
    return ElementTree.tostring(view, encoding="unicode")


def read_config(config: str, kind: str, classes: Sequence[str], where: str, many: bool = False) -> Labeling:
    """Find the Choices tag for the project's classes.

    Raises
    ------
    LabelStudioError
        There is no Choices tag for an image or text, it lacks a class, or it allows only one choice but items may have
        several classes.
    """
    _shown(kind)
    try:
        tags = list(ElementTree.fromstring(config).iter())
    except ElementTree.ParseError as error:
        raise LabelStudioError(f"{where} has a labeling config that is no XML ({error}); correct it there") from None
    objects = {tag.get("name"): tag for tag in tags if tag.tag in OBJECTS[kind]}
    lacking: list[str] | None = None
    for tag in tags:
        about = objects.get(tag.get("toName"))
        if tag.tag != "Choices" or about is None:
            continue
        values = tuple(one.get("alias") or one.get("value") or "" for one in tag.iter("Choice"))
        missing = [name for name in classes if name not in values]
        if not missing:
            if many and tag.get("choice") != MULTIPLE:
                raise LabelStudioError(
                    f"{where} allows one choice per item in its labeling config, found many = true in spotal.toml; set "
                    f'choice="{MULTIPLE}" in its <Choices> there'
                )
            key = (about.get("value") or "").removeprefix("$")
            return Labeling(tag.get("name") or "", about.get("name") or "", about.tag.lower(), key, values, many)
        lacking = missing if lacking is None else min(lacking, missing, key=len)
    if lacking is None:
        wanted = " or ".join(f"<{name}>" for name in OBJECTS[kind])
        raise LabelStudioError(f"{where} has no <Choices> about an {wanted} in its labeling config; add one there")
    raise LabelStudioError(
        f"{where} has no choice {lacking[0]!r} in its labeling config; add it there, or correct classes in spotal.toml"
    )


def _shown(kind: str) -> str:
    if kind not in OBJECTS:
        raise LabelStudioError(f"Label Studio shows images and texts, found data of the kind {kind!r} in spotal.toml")
    return kind
