"""CoreGCN: core-set selection on what a graph network makes of the pool while it learns to tell labeled rows apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F

from spotal.numeric.checks import check_count, check_real
from spotal.numeric.threads import one_thread
from spotal.pool import ArrayPool, Pool
from spotal.pool.view import View
from spotal.strategies._content import ContentRandom
from spotal.strategies._sphere import on_sphere
from spotal.strategies.base import Choice, Query, Strategy
from spotal.strategies.coreset import CoreSet

__all__ = ["CoreGCN"]

RATE, DECAY = 1e-3, 5e-4
"""Adam's learning rate and weight decay."""


class CoreGCN(Strategy):
    """Greedy k-center in the hidden layer of a graph network (Caramalau, Bhattarai, Kim, CVPR 2021, section 3.2).

    Two graph convolutions over all rows, joined by the cosine of their embeddings, are trained to tell labeled rows (1)
    from unlabeled ones (0); the rows farthest from the labeled ones in the hidden layer are picked. Settings, loss and
    normalization of the graph as in the authors' code. With nothing labeled there is nothing to learn, and the picks
    are those of core-set on embeddings of unit length.

    The authors' embeddings are non-negative, and so are their cosines. Where they are not, (1 + cosine) / 2 takes its
    place: rows' sums, by which the graph is normalized, could vanish otherwise. Mass and cost count as in
    :class:`~spotal.strategies.CoreSet`.

    Parameters
    ----------
    hidden : int, units of the hidden layer
    steps : int, full-batch steps of training
    dropout : float, share of the hidden units that a step leaves out
    balance : float, weight of the unlabeled rows in the loss, lambda in equation 8
    sample_size : int
        Most rows in the graph: the labeled ones, and others drawn at random. The authors pick among as many; here every
        row may be picked.

    Notes
    -----
    The graph is dense, but of rank D: its product with a vector is two products with the embeddings, and the matrix of
    cosines is never made. O(steps s D hidden) for s rows in the graph, then O(N D hidden) a pick and a labeled row;
    memory O(s (D + hidden) + N).
    """

    name = "coregcn"
    honors_limits = True

    def __init__(
        self,
        *,
        hidden: int = 128,
        steps: int = 200,
        dropout: float = 0.3,
        balance: float = 1.2,
        sample_size: int = 10_000,
    ) -> None:
        self.hidden = check_count(hidden, "hidden", 1)
        self.steps = check_count(steps, "steps", 1)
        self.dropout = check_real(dropout, "dropout, where it is not 0,", 0, 0.99) if dropout != 0 else 0.0
        self.balance = check_real(balance, "balance", 0)
        self.sample_size = check_count(sample_size, "sample_size", 1)

    def _choose(self, query: Query) -> Choice:
        sphere = on_sphere(query.pool)
        if len(query.labeled) == 0:
            return CoreSet()._choose(replace(query, pool=sphere))
        chance = ContentRandom(query.pool, query.seed)
        sample = chance.shuffled(query.unlabeled)[: max(1, self.sample_size - len(query.labeled))]
        # in an order of their own: sums round the same way however the pool is ordered
        rows = np.concatenate([chance.sorted(query.labeled), chance.sorted(sample)])
        with one_thread():
            graph = Graph(sphere.rows(rows))
            hidden, loss = self._train(graph, len(query.labeled), query.seed)
            view: Pool = View(sphere, lambda points: hidden(graph.near(points)), self.hidden)
            if len(view) <= self.sample_size:
                view = ArrayPool(view.rows(np.arange(len(view))))  # found once
            choice = CoreSet()._choose(replace(query, pool=view))
        return Choice(choice.indices, diagnostics={"loss": loss})

    def _train(self, graph: Graph, labeled: int, seed: int) -> tuple[Callable[[torch.Tensor], torch.Tensor], float]:
        """The hidden layer, of which the first rows of the graph are labeled, as a function; and the last loss."""
        generator = torch.Generator().manual_seed(seed % (1 << 63))
        device = graph.x.device

        def draw(*shape: int) -> torch.Tensor:
            drawn: torch.Tensor = (torch.rand(shape, generator=generator) * 2 - 1) * shape[-1] ** -0.5
            return drawn.to(device).requires_grad_()

        first, start = draw(graph.points.shape[1], self.hidden), draw(self.hidden)
        second, end = draw(self.hidden, 1), draw(1)
        optimizer = torch.optim.Adam([first, start, second, end], lr=RATE, weight_decay=DECAY)
        near = graph.near(graph.points)
        loss = torch.zeros(())
        for _ in range(self.steps):
            hidden = torch.relu(near @ first + start)
            kept = torch.rand(hidden.shape, generator=generator).to(device) >= self.dropout
            scores = graph.spread((hidden * kept / (1 - self.dropout)) @ second) + end
            loss = -F.logsigmoid(scores[:labeled]).mean() - self.balance * F.logsigmoid(-scores[labeled:]).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        weights, bias = first.detach(), start.detach()

        def layer(points: torch.Tensor) -> torch.Tensor:
            return torch.relu(points @ weights + bias)

        return layer, float(loss.detach())


class Graph:
    """Rows of unit length (s, D) joined by their cosine, each column of the matrix divided by its sum, plus I.

    As the authors normalize it; a row's own cosine of 1 is no part of its sum.
    """

    def __init__(self, points: torch.Tensor) -> None:
        self.points = points
        self.signed = bool((points < 0).any())
        x = self._factor(points)
        self.sum = x.sum(0)
        self.x, self.own, self.degree = x.float(), *(part.float() for part in self._sums(x))
        self.mixed = self.x.T @ (points.float() / self.degree)

    def _factor(self, points: torch.Tensor) -> torch.Tensor:
        """Rows whose products are what joins two points: the cosine, or (1 + cosine) / 2."""
        return torch.cat([torch.ones_like(points[:, :1]), points], 1) * 0.5**0.5 if self.signed else points

    def _sums(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Product of each row with itself, and sum of its products with the graph's other rows; (k, 1) each."""
        own = x.square().sum(1, keepdim=True)
        return own, ((x @ self.sum)[:, None] - own).clamp_min(1e-12)

    def spread(self, values: torch.Tensor) -> torch.Tensor:
        """The matrix times values, float32 (s, k). O(s D k)."""
        share = values / self.degree
        return self.x @ (self.x.T @ share) - self.own * share + values

    def near(self, points: torch.Tensor) -> torch.Tensor:
        """What ``spread`` gives for the points themselves, float32 (k, D), of any points, in the graph or not."""
        x = self._factor(points)
        own, degree = self._sums(x)
        return x.float() @ self.mixed + points.float() * (1 - own / degree).float()
