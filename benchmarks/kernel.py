"""Five implementations of a sliced map applied to points; the reason for ``spotal.numeric.kernels.apply_frame``.

They are the readable reference (``FrameMap.forward``, all points frame by frame), the same on blocks that fit the
cache, the same compiled by torch, numba's loops (used by ``SlicedTransport``), and C++ for a fixed dimension. All use
double precision, as a transport does for its sample, and the same number of threads.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.apart import measured

from spotal.numeric.arrays import blocks
from spotal.reduce import PCA
from spotal.transport import SlicedTransport
from spotal.transport._maps import FrameMap

__all__ = ["compare"]

FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fopenmp", "-shared", "-fPIC", "-x", "c++")
"""Without -ffast-math: a library linked with it makes all later threads round tiny numbers to zero."""
SOURCE = r"""
#include <algorithm>
constexpr int TILE = 64;
extern "C" void carry(double* x, long n, long frames, const double* frame, const double* low, const double* step,
                      const double* table, long knots, int threads) {
  #pragma omp parallel for schedule(static) num_threads(threads)
  for (long start = 0; start < n; start += TILE) {
    const int size = std::min<long>(TILE, n - start);
    double p[DIM][TILE] = {}, z[DIM][TILE];
    for (int i = 0; i < size; ++i)
      for (int j = 0; j < DIM; ++j) p[j][i] = x[(start + i) * DIM + j];
    for (long f = 0; f < frames; ++f) {  // a tile goes through all frames before the next one is read
      const double* r = frame + f * DIM * DIM;
      for (int k = 0; k < DIM; ++k) {
        const double* reached = table + (f * DIM + k) * knots;
        const double first = low[f * DIM + k], by = step[f * DIM + k], per = 1 / by;
        for (int i = 0; i < TILE; ++i) z[k][i] = 0;
        for (int j = 0; j < DIM; ++j)
          for (int i = 0; i < TILE; ++i) z[k][i] += r[j * DIM + k] * p[j][i];
        for (int i = 0; i < TILE; ++i) {
          const double t = (z[k][i] - first) * per, inside = std::min(std::max(t, 0.0), double(knots - 1));
          const int at = std::min(int(inside), int(knots - 2));
          z[k][i] = reached[at] + (reached[at + 1] - reached[at]) * (inside - at) + (t - inside) * by;
        }
      }
      for (int j = 0; j < DIM; ++j) {
        for (int i = 0; i < TILE; ++i) p[j][i] = 0;
        for (int k = 0; k < DIM; ++k)
          for (int i = 0; i < TILE; ++i) p[j][i] += r[j * DIM + k] * z[k][i];
      }
    }
    for (int i = 0; i < size; ++i)
      for (int j = 0; j < DIM; ++j) x[(start + i) * DIM + j] = p[j][i];
  }
}
"""

CHUNK = 8192
"""Number of points of a block that fits the cache."""
FITTED = 32_768
"""Number of points that the reduction and the map are fitted to."""
EPSILON = float(np.finfo(np.float64).eps)
QUANTILES = 0.5, 0.99, 1.0

Carrying = Callable[[torch.Tensor], torch.Tensor]


def compare(x: Any, dims: list[int], repeats: int) -> list[dict[str, Any]]:
    """Measure each implementation on the rows of x (n, D), reduced to each of ``dims``, and its error to the first.

    "difference" has the median, the 99th percentile and the maximum over points. Each implementation runs once before
    it is timed. The error of one that fails is in "stopped".
    """
    rows = []
    for dim in dims:
        low = PCA(dim, random_state=0).fit(x[:FITTED]).transform(x).astype(np.float64)
        transport = SlicedTransport(random_state=0).fit(low[:FITTED])
        first, frames = transport._maps[:2], transport._maps[2:-1]
        points = torch.from_numpy(low)
        for step in first:
            points = step.forward(points)
        points = points.contiguous()
        expected = _reference(frames)(points)
        for name, way in WAYS.items():
            row: dict[str, Any] = {"name": name, "rows": len(points), "dim": dim, "frames": len(frames)}
            try:
                carry = way(frames)
                # distance of the reference from itself for points that differ in the last bit
                moved = carry(points * (1 + EPSILON) if way is _reference else points)
                away = np.abs(moved.numpy() - expected.numpy()).max(1)
                row["difference"] = [float(np.quantile(away, q)) for q in QUANTILES]
                row |= measured(lambda carry=carry, points=points: carry(points), repeats)  # type: ignore[misc]
            except Exception as error:  # no compiler, or one that torch cannot use
                row["stopped"] = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            rows.append(row)
    return rows


def _reference(frames: list[FrameMap]) -> Carrying:
    def carry(points: torch.Tensor) -> torch.Tensor:
        for frame in frames:
            points = frame.forward(points)
        return points

    return carry


def _in_blocks(frames: list[FrameMap]) -> Carrying:
    def carry(points: torch.Tensor) -> torch.Tensor:
        return torch.cat(_shared(_reference(frames), points))

    return carry


def _compiled(frames: list[FrameMap]) -> Carrying:
    forward = torch.compile(lambda x, *tables: FrameMap(*tables).forward(x))

    def through(points: torch.Tensor) -> torch.Tensor:
        for frame in frames:
            points = forward(points, frame.frame, frame.low, frame.step, frame.table)
        return points

    through(torch.zeros(CHUNK, len(frames[0].low), dtype=torch.float64))  # compile here, not in several threads

    def carry(points: torch.Tensor) -> torch.Tensor:
        return torch.cat(_shared(through, points))

    return carry


def _numba(frames: list[FrameMap]) -> Carrying:
    def through(points: torch.Tensor) -> torch.Tensor:
        for frame in frames:
            frame.move(points)
        return points

    def carry(points: torch.Tensor) -> torch.Tensor:
        moved = points.clone()
        _shared(through, moved)
        return moved

    return carry


def _cpp(frames: list[FrameMap]) -> Carrying:
    dim, knots = frames[0].table.shape
    with tempfile.TemporaryDirectory() as folder:
        library, source = Path(folder, "carry.so"), Path(folder, "carry.cpp")
        source.write_text(SOURCE)
        subprocess.run(["g++", *FLAGS, f"-DDIM={dim}", str(source), "-o", str(library)], check=True)
        function = ctypes.CDLL(str(library)).carry
    tables = [
        np.ascontiguousarray(torch.stack([getattr(frame, name) for frame in frames]).numpy())
        for name in ("frame", "low", "step", "table")
    ]
    addresses = [ctypes.c_void_p(table.ctypes.data) for table in tables]

    def carry(points: torch.Tensor) -> torch.Tensor:
        moved = points.clone()
        at, n = ctypes.c_void_p(moved.data_ptr()), ctypes.c_long(len(moved))
        function(at, n, ctypes.c_long(len(tables[0])), *addresses, ctypes.c_long(knots), torch.get_num_threads())
        return moved

    return carry


def _shared(through: Carrying, points: torch.Tensor) -> list[torch.Tensor]:
    """Map blocks of the points with as many threads as torch would use."""
    with _alone() as threads, ThreadPoolExecutor(threads) as workers:
        return list(workers.map(through, [points[part] for part in blocks(len(points), CHUNK)]))


@contextmanager
def _alone() -> Iterator[int]:
    """Run torch in the calling thread only; yields the previous number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


WAYS: dict[str, Callable[[list[FrameMap]], Carrying]] = {
    "reference": _reference,
    "torch, in blocks": _in_blocks,
    "torch.compile, in blocks": _compiled,
    "numba": _numba,
    "C++": _cpp,
}
