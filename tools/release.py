"""Make a release: date its changelog, commit, and tag. You push and upload it.

python -m tools.release 0.1.0            # prints problems; without any, changes, commits and tags
python -m tools.release 0.1.0 --dry-run  # prints problems only
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


def problems(version: str, root: Path = ROOT) -> list[str]:
    """List the problems that prevent a release, each with its remedy."""
    messages = []
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        return [f"{version} is no version: give MAJOR.MINOR.PATCH"]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = {
        "pyproject.toml": project["version"],
        "src/spotal/__init__.py": _match(root / "src/spotal/__init__.py", r'^__version__ = "(.*)"'),
        "CITATION.cff": _match(root / "CITATION.cff", r"^version: (.*)"),
    }
    messages += [f"{name} says {other}: set it to {version}" for name, other in versions.items() if other != version]
    if not project.get("urls"):
        messages.append("pyproject.toml has no [project.urls]: name the repository and the documentation")
    if not _match(root / "CHANGELOG.md", r"^## \[Unreleased\]\n\n### (\w+)"):
        messages.append("CHANGELOG.md has nothing under [Unreleased]: say what is new")
    if _git(root, "status", "--porcelain"):
        messages.append("files are changed: commit or remove the changes")
    if _git(root, "tag", "--list", f"v{version}"):
        messages.append(f"the tag v{version} is there already: take the next version")
    return messages


def date_changelog(text: str, version: str, date: str) -> str:
    """Move the entries under [Unreleased] to a heading with version and date; [Unreleased] is then empty."""
    before, after = text.split(SECTION, 1)
    return f"{before}{SECTION}\n## [{version}] - {date}\n{after}"


def main(arguments: list[str] | None = None) -> int:
    """Check, then change, commit and tag unless --dry-run is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", help="MAJOR.MINOR.PATCH")
    parser.add_argument("--dry-run", action="store_true", help="only print problems")
    asked = parser.parse_args(arguments)
    messages = problems(asked.version)
    for problem in messages:
        print(problem)
    if messages or asked.dry_run:
        return 1 if messages else 0
    page = ROOT / "CHANGELOG.md"
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    text = tidy(page.read_text(encoding="utf-8"))
    page.write_text(date_changelog(text, asked.version, date), encoding="utf-8")
    _git(ROOT, "commit", "--quiet", "--message", f"Release {asked.version}", "--", "CHANGELOG.md")
    _git(ROOT, "tag", "--annotate", f"v{asked.version}", "--message", f"spotal {asked.version}")
    print(f"tagged v{asked.version}; next: make dist, git push --follow-tags, twine upload dist/*")
    return 0


def _match(path: Path, pattern: str) -> str | None:
    match = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    return match[1] if match else None


def _git(root: Path, *command: str) -> str:
    return subprocess.run(["git", "-C", root, *command], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    raise SystemExit(main())
