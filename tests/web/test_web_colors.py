"""WCAG AA contrast of the page's colors, worked out from its style sheet."""

from __future__ import annotations

import re

import pytest

from spotal.web.app import STATIC

CSS = (STATIC / "style.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
)
TEXT = [
    *((ink, ground) for ink in ("ink", "soft") for ground in ("page", "card", "fill")),
    ("on-accent", "accent"),
    ("card", "warn"),
    ("card", "good"),
]
SHAPES = [
    *((shape, "card") for shape in ("edge", "accent", "warn", "ink")),
    ("accent", "page"),
    ("accent", "fill"),
    ("accent", "line"),
    *((f"c{k}", "card") for k in range(10)),
]


def contrast(a, b):
    def luminance(color):
        parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def test_the_formula():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_colors_can_be_told_apart(theme):
    assert LIGHT.keys() == DARK.keys()
    weak = [(a, b) for a, b in TEXT if contrast(theme[a], theme[b]) < 4.5]
    weak += [(a, b) for a, b in SHAPES if contrast(theme[a], theme[b]) < 3]
    assert weak == []


def test_no_color_is_named_elsewhere():
    rules = re.sub(r":root \{.*?\}", "", CSS, flags=re.DOTALL)
    assert not re.search(r"#[0-9a-f]{3,8}\b(?![^{]*\{)", rules)
    used = set(re.findall(r"var\(--([\w-]+)", CSS)) - {"color", "share", "tile", "word"}
    assert used <= LIGHT.keys()
