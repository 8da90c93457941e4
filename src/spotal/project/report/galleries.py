"""Sections of a project's report that show items: doubtful labels, copies, conflicts, cells, and picks."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

from spotal.project.records import Item, Pick
from spotal.project.report.facts import Facts
from spotal.project.report.shown import figure, figures
from spotal.report.parts import folded, table

__all__ = ["cells", "copies", "doubts", "people", "rounds"]

MOST_SHOWN = 24
"""Maximum number of items of one gallery."""
MOST_PAIRS = 6
"""Maximum number of pairs of copies."""
MOST_ROUNDS = 8
"""Maximum number of rounds, the newest ones."""


def doubts(facts: Facts, file: Callable[[Item], Path]) -> str:
    """Show labels that the model contradicts with confidence, or why there are none."""
    if not facts.checked:
        return ""
    text = f"<h2>Labels that may be wrong</h2><p>{escape(facts.checked)}</p>"
    if not facts.doubts:
        return text
    parts = []
    for doubt in facts.doubts:
        item = facts.by_number[doubt.number]
        title = f"{item.id}: people say {doubt.label}, the model {doubt.guess} ({100 * doubt.confidence:.0f} %)"
        parts.append(figure(item, file, f"{doubt.label} → {doubt.guess}?", title, "bad"))
    rows = [
        [facts.by_number[d.number].id, d.label, d.guess, f"{100 * d.confidence:.0f} %", f"{100 * d.of_label:.1f} %"]
        for d in facts.doubts
    ]
    head = ["item", "label", "model's class", "probability of the model's class", "probability of the label"]
    return text + figures(parts, facts.settings.data.kind) + folded("As a list", table(head, rows))


def copies(facts: Facts, file: Callable[[Item], Path]) -> str:
    """Show copies and near copies, first the pairs of a held-back and a trained item."""
    leaks, summary = facts.leaks, facts.copies.summary()
    if not summary:
        return ""
    text = f"<h2>Copies</h2><p>{summary}.</p>"
    if leaks:
        held = sum(item.held_back and not item.missing for item in facts.items.values())
        text += (
            f"<p><b>{len(leaks):,} of {held:,} held-back items have a copy or near copy among the labels that models "
            "are trained on.</b> The accuracy measured on them is too high; remove one of each pair from the data.</p>"
        )
    pairs = dict.fromkeys(leaks, "held back, and trained on")
    for groups, what in ((facts.copies.equal, "equal"), (facts.copies.alike, "nearly alike")):
        for group in groups:
            if (group[1], group[0]) not in pairs:
                pairs.setdefault((group[0], group[1]), what)
    kind = facts.settings.data.kind
    blocks = [
        f"<h4>{escape(facts.by_number[a].id)} and {escape(facts.by_number[b].id)} <span>{what}</span></h4>"
        + figures([figure(facts.by_number[k], file, _state_text(facts, facts.by_number[k])) for k in (a, b)], kind)
        for (a, b), what in list(pairs.items())[:MOST_PAIRS]
    ]
    more = f'<p class="note">The first {MOST_PAIRS} pairs are shown.</p>' if len(pairs) > MOST_PAIRS else ""
    return text + "".join(blocks) + more


def people(facts: Facts, file: Callable[[Item], Path]) -> str:
    """Show the annotators, their agreement, and their conflicts."""
    if not facts.annotators:
        return ""
    text = "<h2>Annotators</h2>"
    text += table(["who", "items"], [[name, f"{count:,}"] for name, count in facts.annotators.items()])
    if facts.status.agreement:
        rows = [
            [
                f"{p.first} and {p.second}",
                f"{p.items:,}",
                f"{100 * p.share:.0f} % ({100 * p.low:.0f} to {100 * p.high:.0f})",
                "" if p.kappa is None else f"{p.kappa:.2f} ({p.kappa_low:.2f} to {p.kappa_high:.2f})",
            ]
            for p in facts.status.agreement
        ]
        text += "<h3>Agreement</h3>" + table(["", "items in common", "equal", "Cohen's kappa"], rows)
        text += (
            '<p class="note">Of first answers, given before a conflict was shown. Slips that were corrected at once do '
            "not count. In brackets 95 % intervals.</p>"
        )
    if facts.conflicts:
        parts = [
            figure(
                conflict.item,
                file,
                " / ".join(sorted({label or "none of these" for label in conflict.votes.values()})),
                "; ".join(f"{who}: {label or 'none of these'}" for who, label in conflict.votes.items()),
                "bad",
            )
            for conflict in facts.conflicts[:MOST_SHOWN]
        ]
        text += f"<h3>{len(facts.conflicts):,} conflicts</h3>" + figures(parts, facts.settings.data.kind)
        text += '<p class="note">Ties. The next batch asks about them first.</p>'
    return text


def cells(facts: Facts, file: Callable[[Item], Path]) -> str:
    """Show the labels with the largest cells, and the nearest items of each cell."""
    picks = [pick for part in facts.picks.values() for pick in part if pick.about.get("neighbors")]
    picks = [pick for pick in picks if pick.item in facts.standings and facts.standings[pick.item].label is not None]
    picks.sort(key=lambda pick: -(pick.stands_for or 0))
    if not picks:
        return ""
    kind = facts.settings.data.kind
    rows = []
    for pick in picks[:12]:
        near = [facts.items[name] for name in pick.about["neighbors"] if name in facts.items]
        label = facts.standings[pick.item].label or ""
        own = figure(facts.items[pick.item], file, label, mark="pick")
        others = figures([figure(item, file, _state_text(facts, item)) for item in near], kind)
        head = f"<p>Round {pick.round + 1}: stands for {pick.stands_for or 0:,} items; the nearest are:</p>"
        rows.append(
            f'<div class="cell {"" if kind == "image" else "texts"}"><div class="thumbs one">{own}</div>'
            f"<div>{head}{others}</div></div>"
        )
    return (
        "<h2>What these labels stand for</h2>"
        f'<p class="note">The {len(rows)} labels that stood for most items when they were picked, and the nearest '
        "items of each. A question mark is the model's guess. If the nearest items do not look like the labeled item, "
        f"more labels are needed there.</p>{''.join(rows)}"
    )


def rounds(facts: Facts, file: Callable[[Item], Path]) -> str:
    """Show the picks of each round, the newest round first."""
    if not facts.rounds:
        return ""
    blocks: list[str] = []
    for one in facts.rounds[::-1][:MOST_ROUNDS]:
        picks = facts.picks.get(one.number, [])
        parts = [_picked(facts, pick, file) for pick in picks[:MOST_SHOWN]]
        more = f", the first {MOST_SHOWN} are shown" if len(picks) > MOST_SHOWN else ""
        about = f"{one.at:%Y-%m-%d %H:%M} UTC · {one.n_picks:,} picks by {one.strategy} on {one.n_labeled:,} labels"
        audit = f", {one.n_audit:,} of them random ones for the audit" if one.n_audit else ""
        title = f"<h4>Round {one.number + 1} <span>{escape(about + audit + more)}</span></h4>"
        block = title + figures(parts, facts.settings.data.kind)
        blocks.append(block if not blocks else folded(f"Round {one.number + 1}", block))
    earlier = len(facts.rounds) - len(blocks)
    note = f'<p class="note">{earlier} earlier rounds are not shown.</p>' if earlier else ""
    return f"<h2>What was picked, round by round</h2>{''.join(blocks)}{note}"


def _picked(facts: Facts, pick: Pick, file: Callable[[Item], Path]) -> str:
    item = facts.items[pick.item]
    why = f"{item.id}: pick {pick.rank + 1}"
    if pick.role == "audit":
        why += ", drawn at random for the audit"
    if pick.stands_for:
        why += f", stands for {pick.stands_for:,} items"
    if pick.about.get("guess"):
        why += f"; the model guessed {pick.about['guess']} ({100 * (pick.about.get('confidence') or 0):.0f} %)"
    row = facts.standings.get(pick.item)
    mark = "bad" if row is not None and row.state == "conflict" else ""
    return figure(item, file, _state_text(facts, item), why, mark)


def _state_text(facts: Facts, item: Item) -> str:
    """Return the item's label or state, or the model's guess."""
    row = facts.standings.get(item.id)
    if row is None:
        guess = None if facts.predictions is None else facts.predictions.guess(item.number)
        return "no answer" if guess is None else f"{guess[0] or 'none of these'}? {100 * guess[1]:.0f} %"
    return row.label or row.state.replace("_", " ")
