"""The page of a project's report, and its numbers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from spotal.project.advice import LEAST_AUDIT, Forecast, ShareEstimate
from spotal.project.records import Item
from spotal.project.report import galleries, plots
from spotal.project.report.facts import NO_CLASS, SEVERAL, Facts, Pace
from spotal.project.report.tested import tested
from spotal.project.status import ClassCount
from spotal.report.parts import document, figure, folded, table, themed
from spotal.storage.files import write_text
from spotal.terminal import duration, percent

__all__ = ["numbers", "page", "write_page"]

MOST_CLASSES = 20
"""Maximum number of classes in a chart: those with the most labels."""
STYLE = """
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); gap: 18px 28px;
  align-items: start; }
.beside figure, .big { margin: 0; min-width: 0; } .beside img { width: 100%; height: auto; display: block; }
.beside figcaption, .pair figcaption, .big figcaption { text-align: left; margin-top: 6px; text-wrap: pretty; }
.beside .note:first-child, .beside p:first-child { margin-top: 0; }
.low { max-height: 25em; overflow: auto; } .low thead th { position: sticky; top: 0; background: var(--card); }
.low .scroll { overflow: visible; }
.pair { align-items: start; } .pair > div { min-width: 0; }
.big { margin-top: 22px; } .big img { display: block; width: 100%; height: auto; }
tbody th, thead th:first-child { text-align: left; }
tbody th { white-space: normal; overflow-wrap: anywhere; min-width: 7.5em; }
thead:not(:has(th:not(:empty))) { display: none; }
h1, h4, summary, .card > p { overflow-wrap: anywhere; }
.thumbs img { image-rendering: auto; }
.thumbs { grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); }
.thumbs.texts { grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); }
blockquote { margin: 0; padding: 10px 12px; font-size: 13.5px; background: var(--page); border-radius: 6px;
  white-space: pre-line; overflow-wrap: anywhere; }
.gone { aspect-ratio: 1; display: grid; place-items: center; background: var(--page); border-radius: 6px;
  font-size: 12px; color: var(--soft); }
.cell { display: grid; grid-template-columns: 84px 1fr; gap: 6px 14px; align-items: start; padding: 10px 0;
  border-top: 1px solid var(--line); }
.thumbs.one { display: block; }
.cell.texts { grid-template-columns: 1fr; }
.cell p { margin: 0 0 6px; font-size: 14px; color: var(--soft); }
.pick blockquote { border-left: 4px solid var(--accent); }
.pick img { outline: 3px solid var(--accent); outline-offset: -1px; }
.bad figcaption { color: var(--bad); font-weight: 600; white-space: normal; overflow-wrap: anywhere; }
@media (max-width: 520px) {
  td:nth-child(2):last-child { white-space: normal; }
}
@media print {
  :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc; --accent: #00507d; --bad: #8f3000; }
  .card { break-inside: auto; border: 0; padding: 8px 0; } figure, .cell, tr { break-inside: avoid; }
}
"""


def write_page(facts: Facts, file: Callable[[Item], Path], path: str | os.PathLike[str]) -> None:
    """Write the page to a file atomically. Raises OutputError."""
    write_text(path, page(facts, file))


def numbers(facts: Facts) -> dict[str, Any]:
    """Return the report's numbers as JSON types."""
    doubtful = [{"item": facts.by_number[doubt.number].id, **asdict(doubt)} for doubt in facts.doubts]
    for row in doubtful:
        del row["number"]
    pace = None if facts.pace is None else asdict(facts.pace)
    copies = {"equal": facts.copies.n_equal, "nearly_alike": facts.copies.n_alike, "held_back_leaks": len(facts.leaks)}
    return {"project": facts.name, **asdict(facts.status), "doubtful": doubtful, "pace": pace, "copies": copies}


def page(facts: Facts, file: Callable[[Item], Path]) -> str:
    """Return the page as HTML, without sections that have no data. ``file`` returns the file of an image."""
    sections = [
        _accuracy(facts),
        _classes(facts),
        tested(facts),
        _map(facts),
        galleries.doubts(facts, file),
        galleries.copies(facts, file),
        galleries.people(facts, file),
        _cost(facts),
        galleries.cells(facts, file),
        galleries.rounds(facts, file),
        _settings(facts),
    ]
    return document(f"spotal: {facts.name}", _headline(facts), sections, STYLE)


def _headline(facts: Facts) -> str:
    counts, now = facts.status.counts, facts.status.accuracy
    text = f"{counts.labeled:,} of {counts.items:,} items have a label"
    if now is None:
        return text + ("; the accuracy of the model is not known yet" if facts.status.model else "; no model yet")
    right = "has all classes right on" if facts.settings.many else "is right on"
    sample = f"measured on {now.n:,} random items that it was not trained on"
    return f"{text}; the model {right} {percent(now.value, now.low, now.high)} of the pool, {sample}"


def _accuracy(facts: Facts) -> str:
    curve, ahead, verdict = facts.status.curve, facts.status.forecast, facts.status.verdict
    if not curve:
        return ""
    words = [f"{percent(point.value, point.low, point.high)} at {point.labels:,} labels" for point in curve]
    picture = themed(plots.curve, facts, f"Learning curve, accuracy with 95 % interval: {'; '.join(words)}")
    caption = "Accuracy of each model, by the number of labels that it was trained on; the band is the 95 % interval"
    text = (
        '<p class="note">All models, measured on random items that people answered and no model is trained on: '
        f"{max(point.n for point in curve):,} items for the newest models, fewer for older ones. Items are weighted so "
        "that they represent the pool.</p>"
    )
    if ahead.gain is None:
        text += f"<p>No forecast yet: {escape(ahead.why)}.</p>"
    else:
        text += f"<p>Expected gain {_gain(ahead)}, from a power law fitted to the curve.</p>"
    if verdict is not None:
        text += f"<p><b>{'Stop' if verdict.met else 'Go on'}:</b> {escape(verdict.sentence)}.</p>"
    body = [
        [f"{p.labels:,}", f"{100 * p.value:.1f}", f"{100 * p.low:.1f} to {100 * p.high:.1f}", f"{p.n:,}"] for p in curve
    ]
    rows = table(["labels", "accuracy, %", "95 % interval", "random items"], body)
    return f"<h2>Accuracy by number of labels</h2>{_beside(picture, caption, text, rows)}"


def _beside(picture: str, caption: str, text: str, rows: str) -> str:
    """Return a picture with text and a scrolling table beside it, or below it on a narrow screen."""
    text += f'<h4>The numbers</h4><div class="low">{rows}</div>'
    return f'<div class="beside">{figure(picture, caption)}<div>{text}</div></div>'


def _classes(facts: Facts) -> str:
    counts = facts.status.classes
    total = sum(row.labels for row in counts.values())
    if not total:
        return ""
    items = max(1, facts.status.counts.items - facts.status.counts.missing)
    shares = [(name, row.labels / total, _share(row, items)) for name, row in counts.items()]
    drawn = sorted(shares, key=lambda row: -row[1])[:MOST_CLASSES] if len(shares) > MOST_CLASSES else shares
    pool = drawn[0][2] is not None
    parts = [
        f"{n} {100 * a:.0f} % of labels" + ("" if b is None else f", {percent(b.value, b.low, b.high)} of the pool")
        for n, a, b in drawn
    ]
    alt = "Class balance: " + "; ".join(parts)
    note = "Strategies pick items that help the model, so classes may have other shares in the pool. The shares in the "
    if pool:
        note += "pool are estimated from people's answers to the random items; lines and brackets are 95 % intervals."
    else:
        note += f"pool are shown after {LEAST_AUDIT} answered random items."
    body = [
        [name, f"{row.labels:,}"]
        + ([] if row.expected is None else [f"{row.expected:,.0f} ({row.low:,.0f} to {row.high:,.0f})"])
        for name, row in counts.items()
    ]
    head = ["class", "labels", *["in the pool"] * pool]
    empty = [name for name, row in counts.items() if not row.labels]
    lack = f"<p>No label yet: {escape(', '.join(empty[:20]))}.</p>" if empty else ""
    caption = "Share of each class among the labels" + " and in the pool" * pool
    if len(drawn) < len(shares):
        caption += f": the {len(drawn)} of {len(shares)} classes with the most labels"
    text = f'<p class="note">{note}</p>{lack}'
    return f"<h2>Class balance</h2>{_beside(themed(plots.balance, drawn, alt), caption, text, table(head, body))}"


def _share(row: ClassCount, items: int) -> ShareEstimate | None:
    if row.expected is None or row.low is None or row.high is None:
        return None
    return ShareEstimate(row.expected / items, row.low / items, row.high / items, items)


def _map(facts: Facts) -> str:
    plane = facts.plane
    if plane is None:
        return ""
    labeled = sum(label is not None for label in plane.labels)
    classes = facts.settings.classes + ((SEVERAL, NO_CLASS) if facts.settings.many else ())
    alt = f"Map of {plane.n:,} items, {labeled:,} of them labeled, {{}} they are spread evenly"
    captions = {
        "before": "All items. Items that the model finds similar are close together.",
        "after": "The same items, spread evenly over a square. Areas without labels are not covered.",
    }
    pictures = "".join(
        figure(themed(plots.plane, (plane, which, classes), alt.format(which)), caption)
        for which, caption in captions.items()
    )
    distance, cover = "", facts.status.coverage
    if "transport_cost" in cover:
        distance = (
            f" Mean distance from an item to its nearest label (transport cost): {cover['transport_cost']:.3f} of the "
            f"pool's spread; {cover['transport_cost_random']:.3f} for equally many random items. Less is better."
        )
    return (
        f'<h2>The labels on the map</h2><div class="pair">{pictures}</div>'
        f'<p class="note">Gray dots are unlabeled items ({len(plane.labels) - labeled:,} of {plane.n - labeled:,} are '
        f"drawn), the others labels. Both pictures show the two directions in which items differ most.{distance}</p>"
    )


def _cost(facts: Facts) -> str:
    counts, pace = facts.status.counts, facts.pace
    if not counts.spent:
        return ""
    of = "" if counts.budget is None else f" of {counts.budget:,.10g}"
    rows = [["answers so far", f"{counts.spent:,}{'' if counts.cost is not None else of}"]]
    if counts.cost is not None:
        rows.append(["their cost", f"{counts.cost:,.10g}{of}"])
    rows.append(["valid answers, by source", ", ".join(f"{name} {count:,}" for name, count in facts.sources.items())])
    if pace is not None:
        rows.append(["working time", duration(pace.seconds, 10) + f" for {pace.answers:,} answers"])
        rows.append(["time per answer", f"{pace.mean:.1f} s on average{_between(pace, 1)}"])
        rows.append(["the next 100 answers", f"about {duration(100 * pace.mean, 10)}{_between(pace, 100)}"])
        if counts.budget is not None and counts.cost is None and counts.spent < counts.budget:
            rest = int(counts.budget) - counts.spent  # includes answers that are awaited
            time = f"about {duration(rest * pace.mean, 10)}{_between(pace, rest)}"
            rows.append([f"the {rest:,} remaining answers of the budget", time])
    if facts.status.forecast.gain is not None:
        rows.append(["expected gain in accuracy", _gain(facts.status.forecast)])
    return (
        "<h2>Cost so far, and what more would cost</h2>"
        + table(["", ""], rows)
        + '<p class="note">Answers so far are answers to picked items. Working time is the sum of the times between '
        "answers of one person, without imports and breaks over five minutes. In brackets 95 % intervals.</p>"
    )


def _gain(ahead: Forecast) -> str:
    gain, low, high = (100 * (value or 0) for value in (ahead.gain, ahead.low, ahead.high))
    return f"of the next {ahead.labels:,} labels to train on: {gain:+.1f} points ({low:+.1f} to {high:+.1f})"


def _between(pace: Pace, answers: int) -> str:
    """Return the interval of the time for so many answers."""
    if pace.low is None or pace.high is None:
        return ""
    return f" ({duration(answers * pace.low, 10)} to {duration(answers * pace.high, 10)})"


def _settings(facts: Facts) -> str:
    model = facts.status.model
    about = f"{model}, trained on {facts.status.n_trained:,} labels" if model else "no model yet"
    stale = "; labels or items have changed since" if facts.status.stale else ""
    return f"<h2>Model and settings</h2><p>{facts.at:%Y-%m-%d %H:%M} UTC. Model: {escape(about + stale)}.</p>" + folded(
        "spotal.toml", f"<pre>{escape(facts.settings.to_toml())}</pre>"
    )
