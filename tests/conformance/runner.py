"""Run conformance cases against any library: see README.md."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

Select = Callable[[dict[str, Any], str, int], Any]
"""Case, method, seed -> row numbers of the picks, in order."""

SEEDS = 20
DRAWS = 600
"""Seeds for a case that states probabilities; what is seen may be off by five standard errors."""


def load(folder: Path | None = None) -> dict[str, list[dict[str, Any]]]:
    """All cases by method."""
    files = sorted((folder or Path(__file__).parent / "cases").glob("*.json"))
    contents = [json.loads(file.read_text()) for file in files]
    return {content["method"]: content["cases"] for content in contents}


def problems(case: dict[str, Any], method: str, select: Select) -> list[str]:
    """What is wrong with the picks, in sentences; nothing if they conform."""
    expect = case["expect"]
    tables = {key: expect[key] for key in ("first", "second") if isinstance(expect.get(key), dict)}
    found: list[str] = []
    seen: dict[str, Counter[int]] = {key: Counter() for key in tables}
    seeds = DRAWS if tables else SEEDS
    for seed in range(seeds):
        picks = [int(row) for row in select(case, method, seed)]
        wrong = _wrong(case, picks)
        if wrong:
            found += [f"seed {seed}: {sentence}" for sentence in wrong]
            break
        for key in tables:
            seen[key][picks[("first", "second").index(key)]] += 1
    for key, table in tables.items():
        for row, chance in table.items():
            share, slack = seen[key][int(row)] / seeds, 5 * (chance * (1 - chance) / seeds) ** 0.5 + 1e-9
            if not found and abs(share - chance) > slack:
                found.append(f"row {row} must come {key} with probability {chance}, found {share:.4f}")
    return found


def _wrong(case: dict[str, Any], picks: list[int]) -> list[str]:
    expect, chosen = case["expect"], set(picks)
    checks = {
        f"{case['budget']} picks are asked for": len(picks) == case["budget"],
        "a row comes twice": len(chosen) == len(picks),
        "a labeled row is picked": not chosen & set(case.get("labeled", [])),
        "a row is none of the pool": chosen <= set(range(len(case["pool"]))),
        f"picks must be {expect.get('picks')}": picks == expect.get("picks", picks),
        f"picks must be one of {expect.get('sets')}": sorted(picks) in expect.get("sets", [sorted(picks)]),
        f"the first must be one of {expect.get('first')}": (
            not isinstance(expect.get("first"), list) or picks[:1] == [] or picks[0] in expect["first"]
        ),
        f"each of {expect.get('covers')} must be met": all(chosen & set(group) for group in expect.get("covers", [])),
    }
    return [f"{sentence}, found {picks}" for sentence, right in checks.items() if not right]
