"""Parts of pages that need nothing else: the frame with its style, pictures for light and dark, tables, folds."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from matplotlib.figure import Figure

from spotal.report.plots import DARK, LIGHT, Theme, svg

__all__ = ["document", "figure", "folded", "table", "themed"]


def document(title: str, headline: str, sections: Iterable[str], style: str = "") -> str:
    """A whole page: a title, a sentence that says the most important, and a card for each section that is not empty."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="spotal">\n'
        f'<meta name="color-scheme" content="light dark">\n<title>{escape(title)}</title>\n{_style()}\n'
        f"<style>.wide img {{ max-width: 100%; height: auto; }}{style}</style>\n</head>\n<body>\n<main>\n"
        f'<header><p class="name">{escape(title)}</p><h1>{escape(headline)}</h1></header>\n'
        + "\n".join(f'<section class="card">{section}</section>' for section in sections if section)
        + "\n</main>\n</body>\n</html>\n"
    )


def themed(draw: Callable[[Any, Theme], Figure], content: Any, alt: str) -> str:
    """The picture for light pages and for print, and for dark screens where the reader's device asks for them."""

    def source(theme: Theme) -> str:
        return "data:image/svg+xml;base64," + base64.b64encode(svg(draw(content, theme))).decode()

    return (
        f'<picture><source media="screen and (prefers-color-scheme: dark)" srcset="{source(DARK)}">'
        f'<img src="{source(LIGHT)}" alt="{escape(alt)}"></picture>'
    )


def figure(picture: str, caption: str) -> str:
    """A picture with a caption that says what it is of."""
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A table of texts, the first of each row its name. Where it is too wide for the page, it scrolls in itself."""
    top = "".join(f"<th>{escape(text)}</th>" for text in head)
    lines = "".join(
        f"<tr><th>{escape(first)}</th>{''.join(f'<td>{escape(text)}</td>' for text in rest)}</tr>"
        for first, *rest in body
    )
    rows = f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{rows}</div>'


def folded(title: str, body: str) -> str:
    """HTML below a line that opens it."""
    return f'<details><summary>{title}</summary><div class="scroll">{body}</div></details>'


@cache
def _style() -> str:
    template = files("spotal.report").joinpath("template.html").read_text(encoding="utf-8")
    return template[template.index("<style>") : template.index("</style>") + len("</style>")]
