"""Parts of self-contained HTML pages: the frame with its style, pictures for light and dark, tables, details."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from itertools import zip_longest
from typing import TypeVar

from matplotlib.figure import Figure

from spotal.report.plots import DARK, LIGHT, Theme, png, svg

Content = TypeVar("Content")

__all__ = ["document", "figure", "folded", "table", "themed"]


def document(title: str, headline: str, sections: Iterable[str], style: str = "", lead: str = "") -> str:
    """Return a whole page: a title, a headline, and a card for each section that is not empty.

    ``style`` is CSS for this page; ``lead`` is HTML below the headline.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="spotal">\n'
        f'<meta name="color-scheme" content="light dark">\n<title>{escape(title)}</title>\n'
        f"<style>\n{_style()}{style}</style>\n</head>\n<body>\n<main>\n"
        f'<header><p class="name">{escape(title)}</p><h1>{escape(headline)}</h1>{lead}</header>\n'
        + "\n".join(f'<section class="card">{section}</section>' for section in sections if section)
        + "\n</main>\n</body>\n</html>\n"
    )


def themed(draw: Callable[[Content, Theme], Figure], content: Content, alt: str, *, raster: bool = False) -> str:
    """Return a picture as HTML that follows the reader's light or dark color scheme; print uses the light one.

    ``raster`` gives PNG instead of SVG, for pictures of thousands of points.
    """
    kind, encode = ("png", png) if raster else ("svg+xml", svg)

    def source(theme: Theme) -> str:
        return f"data:image/{kind};base64,{base64.b64encode(encode(draw(content, theme))).decode()}"

    return (
        f'<picture><source media="screen and (prefers-color-scheme: dark)" srcset="{source(DARK)}">'
        f'<img src="{source(LIGHT)}" alt="{escape(alt)}"></picture>'
    )


def figure(picture: str, caption: str) -> str:
    """Return a picture with a caption."""
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def table(head: Sequence[str], body: Iterable[Sequence[str]], best: Sequence[int | None] = ()) -> str:
    """Return a table of texts. The first text of a row is its name. A table wider than the page scrolls within itself.

    ``best`` gives, for each row, the number of the column in bold, or None.
    """
    top = "".join(f"<th>{escape(text)}</th>" for text in head)
    lines = ""
    for (first, *rest), bold in zip_longest(body, best):
        cells = (f"<td{' class=best' * (k == bold)}>{escape(text)}</td>" for k, text in enumerate(rest, 1))
        lines += f"<tr><th>{escape(first)}</th>{''.join(cells)}</tr>"
    rows = f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{rows}</div>'


def folded(title: str, body: str) -> str:
    """Return HTML that is hidden until the reader opens its title."""
    return f'<details><summary>{title}</summary><div class="scroll">{body}</div></details>'


@cache
def _style() -> str:
    return files("spotal.report").joinpath("style.css").read_text(encoding="utf-8")
