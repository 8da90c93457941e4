"""Make a release: date the changelog, commit, and tag. You push and upload.

python -m tools.release 0.1.0            # prints problems, or changes, commits and tags
python -m tools.release 0.1.0 --dry-run  # only prints problems
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from tools.changelog import SECTION, tidy

ROOT = Path(__file__).parents[1]


def problems(version: str, root: Path) -> list[str]:
    """List the problems that prevent the release, each with its remedy."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        return [f"{version} is no version: give MAJOR.MINOR.PATCH"]
    versions = {
        "pyproject.toml": tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"],
        "src/spotal/__init__.py": _match(root / "src/spotal/__init__.py", r'^__version__ = "(.*)"'),
        "CITATION.cff": _match(root / "CITATION.cff", r"^version: (.*)"),
    }
    remedies = [f"{name} has {other}: set it to {version}" for name, other in versions.items() if other != version]
    if not _match(root / "CHANGELOG.md", r"^## \[Unreleased\]\n\n### (\w+)"):
        remedies.append("CHANGELOG.md has nothing under [Unreleased]: list the changes")
    if _git(root, "status", "--porcelain"):
        remedies.append("files are changed: commit or remove the changes")
    if _git(root, "tag", "--list", f"v{version}"):
        remedies.append(f"the tag v{version} exists already: take the next version")
    return remedies


def date_changelog(text: str, version: str, date: str) -> str:
    """Move the entries of [Unreleased] to a section with the version and the date."""
    before, after = text.split(SECTION, 1)
    return f"{before}{SECTION}\n## [{version}] - {date}\n{after}"


def main(arguments: list[str] | None = None) -> int:
    """Check; without problems and without ``--dry-run``, change, commit and tag."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", help="MAJOR.MINOR.PATCH")
    parser.add_argument("--dry-run", action="store_true", help="only print problems")
    options = parser.parse_args(arguments)
    remaining = problems(options.version, ROOT)
    for problem in remaining:
        print(problem)
    if remaining or options.dry_run:
        return 1 if remaining else 0
    page = ROOT / "CHANGELOG.md"
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    text = tidy(page.read_text(encoding="utf-8"))
    page.write_text(date_changelog(text, options.version, date), encoding="utf-8")
    _git(ROOT, "commit", "--quiet", "--message", f"Release {options.version}", "--", "CHANGELOG.md")
    _git(ROOT, "tag", "--annotate", f"v{options.version}", "--message", f"spotal {options.version}")
    print(f"tagged v{options.version}; next: make dist, git push --follow-tags, twine upload dist/*")
    return 0


def _match(path: Path, pattern: str) -> str | None:
    match = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    return match[1] if match else None


def _git(root: Path, *command: str) -> str:
    return subprocess.run(["git", "-C", root, *command], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    raise SystemExit(main())
