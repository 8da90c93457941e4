"""The Python on the page for users of other libraries runs as written, each example from an empty folder."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "guides" / "other-libraries.md"
SECTIONS = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
EXAMPLES = [
    pytest.param(code, id=f"{section.splitlines()[0].replace(' ', '-')}-{number}", marks=[pytest.mark.slow] * network)
    for section in SECTIONS
    for network in [section.startswith(("skorch", "Lightning", "Hugging"))]
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", section, re.DOTALL))
]
OPTIONAL = ("accelerate", "datasets", "lightning", "modAL", "pandas", "skactiveml", "skorch", "transformers")


def test_every_library_has_its_example():
    names = [section.splitlines()[0] for section in SECTIONS]
    assert {"scikit-activeml", "modAL", "skorch", "Lightning", "Hugging Face Trainer"} <= set(names)


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_example_runs_as_written(code, tmp_path, monkeypatch):
    needed = [name for name in OPTIONAL if re.search(rf"(import|from|,) {name}\b", code)]
    for name in [*needed, *["accelerate"] * ("Trainer" in code)]:
        pytest.importorskip(name, reason=f"{name} is not installed", exc_type=ImportError)
    if "modAL" in code:
        import sklearn

        if tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 8):
            pytest.skip("modAL's last version cannot be taught with scikit-learn 1.8 and later")
    assert len([line for line in code.splitlines() if line.strip() and "import" not in line]) <= 16
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, str(PAGE), "exec"), {"__name__": "__main__"})
