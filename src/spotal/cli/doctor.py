"""``spotal doctor``: check a project, and repair what is safe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spotal.cli.console import bar, output, print_json, progress, say

__all__ = ["doctor"]

FOUND = 1
"""Exit status where something is wrong."""


def doctor(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The project.")] = Path("."),
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what is safe, after a copy of the database to .spotal/backups.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
) -> None:
    """Check a project's database, files and settings. Ends with status 1 where something is wrong, else 0."""
    from spotal.project.doctor import Finding, diagnose

    with progress() as bars:
        found = diagnose(folder, repair=repair, on_progress=bar(bars, "reading images"))

    def plain(findings: list[Finding]) -> list[dict[str, str | None]]:
        return [{"check": one.check, "sentence": one.sentence, "repair": one.repair} for one in findings]

    if as_json:
        print_json(
            {
                "findings": plain(found.findings),
                "notes": plain(found.notes),
                "repaired": plain(found.repaired),
                "skipped": found.skipped,
                "backup": None if found.backup is None else str(found.backup),
                "versions": found.versions,
            }
        )
        raise typer.Exit(FOUND if found.findings else 0)
    console = output(as_json)
    if found.backup is not None:
        say(console, f"Copied the database to {found.backup}")
    for finding in found.repaired:
        say(console, f"Repaired ({finding.check}): {finding.sentence}", "green")
    for finding in found.findings:
        can = f"; --repair: {finding.repair}" if finding.repair else ""
        say(console, f"Found ({finding.check}): {finding.sentence}{can}", "yellow")
    for finding in found.notes:
        say(console, f"Note ({finding.check}): {finding.sentence}")
    if found.skipped:
        say(console, f"Not checked: {', '.join(found.skipped)}")
    say(console, ", ".join(f"{name} {version}" for name, version in found.versions.items()), "dim")
    if not found.findings:
        say(console, "All is well.", "bold")
        return
    say(console, f"{len(found.findings)} to be put right.", "bold")
    raise typer.Exit(FOUND)
