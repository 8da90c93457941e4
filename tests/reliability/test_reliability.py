"""The reliability measurements, small: kills, load, mutated files and full disks, with fixed seeds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="the system cannot fork and limit processes")
ROOT = Path(__file__).parents[2]


def measure(*words):
    """Run parts in a process of their own, which forks; the documents that it prints."""
    command = [sys.executable, "-m", "benchmarks.reliability", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=1_200)
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done


@pytest.mark.parametrize("seed", [0, 1_000])
def test_mutated_files_end_in_a_sentence(seed):
    found, done = measure("fuzz", "--quick", "--count", 60, "--first-seed", seed, "--jobs", 1)
    assert found["failures"] == [], done.stderr
    assert found["cases"] == 60
    assert set(found["ends"]) <= {"0", "1", "2"}


@pytest.mark.slow
def test_kills_lose_nothing():
    found, done = measure("kill", "--quick", "--count", 12)
    assert found["kills"] == 12
    assert found["acknowledged"] > 0
    assert (found["lost"], found["harmed"], found["faults"]) == ([], [], []), done.stderr


@pytest.mark.slow
def test_a_killed_benchmark_has_the_same_results():
    found, _ = measure("runs", "--quick")
    assert found["same"]
    assert found["faults"] == []


@pytest.mark.slow
def test_many_people_lose_nothing():
    found, _ = measure("load", "--quick")
    assert found["lost"] == 0
    assert all(run["answers"] and not run["errors"] for run in found["runs"])


@pytest.mark.slow
def test_a_full_disk_harms_nothing():
    found, done = measure("disk", "--quick")
    assert found["faults"] == [], done.stderr
    assert found["cases"] > 50
