"""``spotal doctor``: check a project and repair it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spotal.cli.console import bar, output, print_json, progress, say
from spotal.cli.options import AsJson, Folder

__all__ = ["doctor"]

FAULTY = 1
"""Exit status if a fault was found."""


def doctor(
    folder: Folder = Path("."),
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Repair what can be repaired safely. First copy the database to .spotal/backups."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a project's database, files and settings. The exit status is 1 if a fault is found, otherwise 0."""
    from spotal.project.doctor import Finding, diagnose

    with progress() as bars:
        diagnosis = diagnose(folder, repair=repair, on_progress=bar(bars, "reading images"))

    def plain(findings: list[Finding]) -> list[dict[str, str | None]]:
        return [{"check": one.check, "sentence": one.sentence, "repair": one.repair} for one in findings]

    if as_json:
        print_json(
            {
                "findings": plain(diagnosis.findings),
                "notes": plain(diagnosis.notes),
                "repaired": plain(diagnosis.repaired),
                "skipped": diagnosis.skipped,
                "backup": None if diagnosis.backup is None else str(diagnosis.backup),
                "versions": diagnosis.versions,
            }
        )
        raise typer.Exit(FAULTY if diagnosis.findings else 0)
    console = output(as_json)
    if diagnosis.backup is not None:
        say(console, f"Copied the database to {diagnosis.backup}")
    for finding in diagnosis.repaired:
        say(console, f"Repaired ({finding.check}): {finding.sentence}", "green")
    for finding in diagnosis.findings:
        can = f"; --repair: {finding.repair}" if finding.repair else ""
        say(console, f"Fault ({finding.check}): {finding.sentence}{can}", "yellow")
    for finding in diagnosis.notes:
        say(console, f"Note ({finding.check}): {finding.sentence}")
    if diagnosis.skipped:
        say(console, f"Not checked: {', '.join(diagnosis.skipped)}")
    say(console, ", ".join(f"{name} {version}" for name, version in diagnosis.versions.items()), "dim")
    if not diagnosis.findings:
        say(console, "All is well.", "bold")
        return
    faults = len(diagnosis.findings)
    say(console, f"{faults} fault{'s' * (faults != 1)}.", "bold")
    raise typer.Exit(FAULTY)
