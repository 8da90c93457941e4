"""Hooks of the documentation site: make the reference pages from the source, and link words to the glossary."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "spotal"
INNER = {"lazy", "cli"}
"""Rooms without a page in the Python reference: `lazy` is internal, and commands.md describes `cli`."""
OUTSIDE = re.compile(r"(?<!!)\[([^\]]*)\]\((?:\.\./)+(?:src|tests|benchmarks|tools)/[^)]*\)")
"""A link to a file outside docs/. The site shows its text without the link."""
CODE = re.compile(r"(`[^`]*`|!?\[[^\]]*\]\([^)]*\)|<[^>]*>|\*\*[^*]*\*\*)")
GLOSSARY = "New words are explained in the [glossary]({}glossary.md)."


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the rooms' pages to the navigation."""
    sys.path.insert(0, str(PACKAGE.parent))
    (reference,) = (part["Reference"] for part in config.nav if isinstance(part, dict) and "Reference" in part)
    (python,) = (part for part in reference if isinstance(part, dict) and "Python" in part)
    python["Python"] = [f"reference/python/{name}.md" for name in ("spotal", *rooms())]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Make the pages of the reference."""
    texts = {"spotal": front_page()} | {room: room_page(room) for room in rooms()}
    pages = {f"reference/python/{name}.md": text for name, text in texts.items()}
    for path, text in (pages | {"reference/commands.md": commands()}).items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Link the first use of each word of the glossary."""
    path = page.file.src_uri
    markdown = OUTSIDE.sub(r"\1", markdown)
    if path.startswith("reference/python") or path in ("glossary.md", "index.md", "reference/commands.md"):
        return markdown
    return link_words(markdown, glossary(), "../" * path.count("/") + "glossary.md")


def glossary() -> list[str]:
    """Read the words of the glossary from its headings."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    return [word.lower() for word in re.findall(r"^## (.*)$", text, re.MULTILINE)]


def link_words(text: str, words: list[str], target: str) -> str:
    """Link the first use of each word in running text; code, headings, tables and links are left as they are."""
    remaining, lines, fenced = list(words), [], False
    for line in text.split("\n"):
        fenced ^= line.lstrip().startswith("```")
        if not fenced and re.match(r"[A-Za-z*(]|- ", line):
            parts = CODE.split(line)
            for k in range(0, len(parts), 2):
                for word in list(remaining):
                    new = re.sub(rf"\b({word}s?)\b", rf"[\1]({target}#{word})", parts[k], count=1, flags=re.IGNORECASE)
                    if new != parts[k] and "](" not in parts[k]:
                        parts[k] = new
                        remaining.remove(word)
            line = "".join(parts)
        lines.append(line)
    return "\n".join(lines)


def rooms() -> list[str]:
    """List the rooms (packages and modules) of the Python reference."""
    names = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    return sorted(name for name in names - INNER if not name.startswith("_"))


def public(path: Path) -> list[str]:
    """Read ``__all__`` of a file without importing it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return list(ast.literal_eval(node.value))
    return []


def front_page() -> str:
    """Make the page of the names in ``spotal`` itself."""
    own = [name for name in public(PACKAGE / "__init__.py") if name not in {*rooms(), *INNER, "__version__"}]
    own.sort(key=lambda name: (name != "select", name[0].isupper(), name))
    about = f"These names cover most uses. {GLOSSARY.format('../../')}"
    return "\n\n".join(["# spotal", about, *(f"::: spotal.{name}" for name in own)])


def room_page(room: str) -> str:
    """Make the page of a room: its public names or, if it has none, its modules."""
    text = [f"# spotal.{room}"]
    package = PACKAGE / room / "__init__.py"
    path = package if package.exists() else PACKAGE / f"{room}.py"
    note = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    text.append(note or "")
    names = public(path)
    if names:
        text += [f"::: spotal.{room}.{name}" for name in names]
    else:
        modules = sorted(file for file in path.parent.glob("*.py") if not file.stem.startswith("_"))
        text += [f"::: spotal.{room}.{file.stem}" for file in modules]
    return "\n\n".join(text)


def commands() -> str:
    """Make the page of the command line from the help texts of the commands."""
    import typer
    from typer.cli import get_docs_for_click

    from spotal.cli.main import app

    command = typer.main.get_command(app)
    context = command.make_context("spotal", [], resilient_parsing=True)
    text = get_docs_for_click(obj=command, ctx=context, name="spotal", title="Commands")
    # typer's list of commands truncates sentences, and the table of contents lists the commands already
    introduction = GLOSSARY.format("../") + "\n\n"
    text = re.sub(r"\*\*Commands\*\*:.*?(?=^## )", introduction, text, count=1, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"\[bold\](.*?)\[/bold\]", r"`\1`", text)
