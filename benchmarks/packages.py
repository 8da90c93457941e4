"""Disk space and import time of the packages that spotal needs, for the core by purpose and for each extra.

    python -m benchmarks.packages

Reads the installed packages, and writes the table of docs/reference/packages.md. An extra that is not installed has no
row. Seconds are processor time of a new Python process, the smallest of three.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "packages.md"
HEAD = "## Disk space and import time\n"
PURPOSES = {
    "`spotal.select`": (
        "import spotal, numpy; spotal.select(numpy.eye(9), 3)",
        ("numpy", "torch", "numba", "scipy", "threadpoolctl"),
    ),
    "classical learners, transport": ("import sklearn.linear_model, ot", ("scikit-learn", "POT")),
    "command line": ("import spotal.cli.main", ("typer", "rich")),
    "tables and images": ("import pyarrow.parquet, PIL.Image", ("pyarrow", "pillow")),
    "reports": ("import matplotlib.figure", ("matplotlib",)),
    "projects": ("import sqlalchemy.orm, tomlkit, alembic.command", ("SQLAlchemy", "alembic", "tomlkit")),
    "labeling page": ("import starlette.applications, uvicorn", ("starlette", "anyio", "uvicorn")),
}
ENTRY = {
    "hugging-face": "import transformers",
    "sentence-transformers": "import sentence_transformers",
    "timm": "import timm",
    "ray": "import ray",
    "skactiveml": "import spotal.integrations.skactiveml",
    "remote": "import fsspec",
    "zarr": "import zarr",
    "lance": "import lance",
    "bench": "import faiss, apricot, rdata",
    "skorch": "import skorch",
    "lightning": "import lightning",
    "heif": "import pillow_heif",
    "label-studio": "import label_studio_sdk",
}


def closure(names: list[str]) -> set[str]:
    """Return all distributions that these need, by canonical name."""
    done: set[str] = set()
    todo = [(Requirement(name).name, Requirement(name).extras) for name in names]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        name, extras = todo.pop()
        key = (canonicalize_name(name), frozenset(extras))
        if key in seen:
            continue
        seen.add(key)
        needs = metadata.requires(name) or []  # PackageNotFoundError where it is not installed
        done.add(key[0])
        for text in needs:
            need = Requirement(text)
            wanted = need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras))
            if wanted:
                todo.append((need.name, need.extras))
    return done


def megabytes(names: set[str]) -> float:
    """Return the disk space of these distributions' files."""
    files = {Path(file.locate()) for name in names for file in metadata.files(name) or ()}
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def seconds(statement: str) -> float:
    """Measure the processor time of a new Python that runs the statement, minus that of an empty one."""

    def once(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once(statement) for _ in range(3)) - min(once("pass") for _ in range(3))


def measure() -> tuple[list[dict[str, object]], float]:
    """Measure a row for each purpose and installed extra, and the total disk space of the core."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = closure(project["dependencies"])
    listed = {canonicalize_name(name) for _, names in PURPOSES.values() for name in names}
    assert listed == {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}, "name them above"
    rows: list[dict[str, object]] = []
    before: set[str] = set()
    for purpose, (statement, names) in PURPOSES.items():
        new = closure(list(names)) - before
        before |= new
        rows.append({"part": purpose, "packages": len(new), "mb": megabytes(new), "s": seconds(statement)})
    for extra, needs in project["optional-dependencies"].items():
        if extra not in ENTRY:
            continue
        try:
            new = closure(needs) - core
        except metadata.PackageNotFoundError as error:
            print(f"{extra}: {error} is not installed", file=sys.stderr)
            continue
        rows.append({"part": f"`[{extra}]`", "packages": len(new), "mb": megabytes(new), "s": seconds(ENTRY[extra])})
    return rows, megabytes(core)


def main() -> None:
    """Measure, print, and write the section of the page."""
    rows, total = measure()
    print(json.dumps(rows, indent=1))
    version = metadata.version("torch")
    lines = [
        HEAD,
        f"Written by `python -m benchmarks.packages` (Python {platform.python_version()}, torch {version}, "
        f"{platform.system()} {platform.machine()}). Each row counts only packages that are not in the rows above it. "
        "The rows of extras count only packages that the core does not have. The last column is the processor time, in "
        "seconds, to import the packages in a new Python process. In the first row it includes one selection. spotal "
        "imports each of these packages only when it needs it.",
        "",
        "| part | packages | MB | import, s |",
        "|---|---:|---:|---:|",
        *(
            f"| {row['part']} | {row['packages']} | {row['mb']:,.0f} | {row['s']:.1f} |"
            for row in rows[: len(PURPOSES)]
        ),
        f"| **core, total** | | **{total:,.0f}** | |",
        *(
            f"| {row['part']} | {row['packages']} | {row['mb']:,.0f} | {row['s']:.1f} |"
            for row in rows[len(PURPOSES) :]
        ),
    ]
    text = PAGE.read_text(encoding="utf-8").split(HEAD)[0].rstrip("\n")
    PAGE.write_text(text + "\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
