"""Summary that ``spotal init`` prints at its end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from spotal.cli.console import output, say

if TYPE_CHECKING:
    from spotal.embed.automatic import Automatic
    from spotal.project import Counts, Settings

__all__ = ["print_summary"]

NOUNS = {"image": "images", "text": "texts", "embedding": "embeddings"}
SHOWN = 4
"""Largest number of kinds of files, and of classes, that are named."""
BUILT_IN = {
    "image": "it uses only colors and coarse shapes: expect far lower accuracy than with a pretrained encoder",
    "text": "it counts words and knows no synonyms: expect lower accuracy than with a pretrained encoder",
}


def print_summary(
    folder: Path,
    settings: Settings,
    counts: Counts,
    endings: Counter[str],
    notes: list[str],
    title: str,
    chosen: Automatic | None,
) -> None:
    """Print what ``spotal init`` made. ``title`` is the recipe's name, ``chosen`` the encoder that "auto" chose."""
    console, kind = output(False), settings.data.kind
    noun, held_back = NOUNS[kind], counts.held_back
    audit = f", {held_back:,} of them held back to measure accuracy" if held_back else ""
    several = ", any number of them for an item" if settings.many else ""
    text = f"Made {folder} with {counts.items:,} {noun}{audit}; {len(settings.classes)} classes{several}"
    say(console, text, "bold")
    if kind == "image":
        _line("Kinds", _first([f"{n:,} {ending}" for ending, n in endings.most_common()]))
    for note in notes:
        _line("Note", note, "yellow")
    _line("Classes", _first(list(settings.classes)))
    _print_model(settings, title, chosen, folder / "spotal.toml")
    _print_budget(settings, counts)
    _line("Settings", f"{folder / 'spotal.toml'}: change them at any time")
    say(console, f"Next: spotal label {folder}")


def _print_model(settings: Settings, title: str, chosen: Automatic | None, file: Path) -> None:
    kind = settings.data.kind
    if chosen is None:
        _line("Model", title)
    elif chosen.model is not None:
        _line("Model", f"{chosen.sentence}, with a linear model on top; later rounds use the same")
    else:
        _line("Model", f"built-in ({title}); {BUILT_IN[kind]}", "yellow")
        _line("", f"{chosen.sentence[:1].upper()}{chosen.sentence[1:]}", "yellow")
        _line("", f"To get a better one: {chosen.command}", "yellow")
        _line("", f'then set model = "{chosen.wanted}" in {file}', "yellow")


def _print_budget(settings: Settings, counts: Counts) -> None:
    from spotal.project.advice.audit_size import audit_answers, widest_margin

    share, overlap, answers = settings.audit.share, settings.overlap, audit_answers(settings)
    if answers is None:
        if settings.budget is None:
            _line("Budget", f"none: rounds of {settings.batch_size:g} until you stop")
        else:
            _line("Budget", f"{settings.budget:g}, the price of all answers; rounds of {settings.batch_size:g}")
        part = f"{share:.0%} of each round: random items that measure accuracy and are never trained on"
        _line("Audit", part if share else "none: the accuracy will not be measured")
        return
    assert settings.budget is not None
    items = min(settings.budget // overlap, counts.items)
    rounds = -(-items // settings.batch_size)
    each = f", {overlap} answers for each" if overlap > 1 else ""
    many = f"{rounds:.0f} rounds of {settings.batch_size:g}" if rounds > 1 else "1 round"
    part = f"{items / counts.items:.0%} of the {NOUNS[settings.data.kind]}"
    _line("Budget", f"{settings.budget:g} answers: {items:g} items{each} ({part}), in {many}")
    answers = min(answers, counts.held_back)
    if answers:
        _line(
            "Audit",
            f"{answers:,} of these items are random ones that measure accuracy, to at worst ± "
            f"{100 * widest_margin(answers):.0f} points; they are never trained on",
        )
    elif not share:
        _line("Audit", "none: the accuracy will not be measured")


def _first(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _line(head: str, text: str, style: str = "") -> None:
    say(output(False), f"  {head:<9} {text}", style)
