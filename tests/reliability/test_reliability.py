"""The reliability measurements, small: mutated files with fixed seeds. The rest takes minutes and runs by hand."""

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


def test_mutated_files_end_in_a_sentence():
    found, done = measure("fuzz", "--quick", "--count", 24, "--first-seed", 0, "--jobs", 1)
    assert found["failures"] == [], done.stderr
    assert found["cases"] == 24
    assert set(found["ends"]) <= {"0", "1", "2"}
