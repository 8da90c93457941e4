"""Run the notebooks of docs/notebooks again and save their outputs: python -m benchmarks.notebooks.

Needs nbclient and ipykernel: pip install spotal[notebooks].
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"


def remake(path: Path) -> None:
    """Execute a notebook in an empty folder and write it back with its outputs."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}}).execute()
    for cell in notebook.cells:
        cell.metadata.clear()  # it has the times of this run
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    for path in sorted(FOLDER.glob("*.ipynb")):
        remake(path)
        print("wrote", path)
