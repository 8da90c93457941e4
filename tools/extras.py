"""Install each extra into a separate environment, and try it. Takes minutes and needs the package index.

    python -m tools.extras FOLDER [EXTRA ...]

FOLDER gets an environment for each extra, which is removed if the extra works.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SELECT = "import numpy as np, spotal; print(spotal.select(np.eye(9), 3, random_state=0).indices)"
TRY = {
    "": SELECT,
    "hugging-face": "import transformers, spotal.embed.models.hugging_face",
    "sentence-transformers": "import sentence_transformers",
    "timm": "import timm; timm.create_model('resnet18')",
    "ray": "import numpy as np, spotal; print(spotal.select(np.eye(9), 3, engine='ray', random_state=0).indices)",
    "skactiveml": "import numpy as np; from spotal.integrations.skactiveml import SpotalQueryStrategy as S; "
    "print(S().query(np.random.rand(9, 2), np.full(9, np.nan)))",
    "remote": "import fsspec, numpy as np, spotal\n"
    "with fsspec.open('memory://a.npy', 'wb') as file: np.save(file, np.eye(9))\n"
    "print(spotal.select('memory://a.npy', 3, random_state=0).indices)",
    "zarr": "import zarr, numpy as np, spotal; zarr.save('a.zarr', np.eye(9)); "
    "print(spotal.select('a.zarr', 3, random_state=0).indices)",
    "lance": "import lance, numpy as np, pyarrow as pa, spotal; "
    "lance.write_dataset(pa.table({'x': np.arange(9.0), 'y': np.arange(9.0) ** 2}), 'a.lance', mode='overwrite'); "
    "print(spotal.select('a.lance', 3, random_state=0).indices)",
    "bench": "import faiss, apricot, skactiveml, rdata",
    "skorch": "import skorch, spotal.learner",
    "lightning": "import lightning, spotal.learner",
    "heif": "import pillow_heif, spotal.images",
    "notebooks": "import nbclient, ipykernel",
    "label-studio": "import label_studio_sdk, spotal.annotate.label_studio",
    "docs": "import mkdocs, material, mkdocstrings_handlers.python",
}


def try_extra(extra: str, folder: Path) -> str:
    """Install and run an extra; return the error, or an empty text."""
    place = folder / (extra or "core")
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    python = place / "bin" / "python"
    package = f"{ROOT}[{extra}]" if extra else str(ROOT)
    uv = shutil.which("uv")  # faster
    install = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    for command in ([*install, "--quiet", package], [python, "-c", TRY[extra]]):
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        if done.returncode:
            return done.stderr[-1500:]
    shutil.rmtree(place)
    return ""


def main() -> int:
    """Try the requested extras, or all."""
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]) - {"dev"}
    assert extras == TRY.keys() - {""}, "say in TRY how to try it"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("extra", nargs="*", help=f"{', '.join(sorted(extras))}; all and the core by default")
    asked = parser.parse_args()
    asked.folder = asked.folder.resolve()
    asked.folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for extra in asked.extra or sorted(TRY):
        start = time.perf_counter()
        wrong = try_extra(extra, asked.folder)
        failed += bool(wrong)
        print(f"{extra or 'core'}: {'failed' if wrong else 'works'}, {time.perf_counter() - start:.0f} s", flush=True)
        if wrong:
            print(wrong, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
