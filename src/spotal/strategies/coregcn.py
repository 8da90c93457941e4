"""CoreGCN: core-set selection in the hidden layer of a graph network that separates labeled from unlabeled rows."""

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

    Two graph convolutions are trained to separate labeled rows (1) from unlabeled rows (0). The edges of the graph are
    the cosines of the embeddings. The rows farthest from the labeled ones in the hidden layer are picked. Settings,
    loss and normalization are the same as in the authors' code. Without labels, the picks are the same as with core-set
    on embeddings of unit length.

    The authors' embeddings are non-negative, and so are their cosines. For other embeddings edges are (1 + cosine) / 2,
    because the row sums that normalize the graph could be zero. Mass and cost have the same effect as in
    :class:`~spotal.strategies.CoreSet`.

    Parameters
    ----------
    hidden : int, units of the hidden layer
    steps : int, full-batch steps of training
    dropout : float, share of the hidden units that are dropped in a step
    balance : float, weight of the unlabeled rows in the loss, lambda in equation 8
    sample_size : int
        Maximum number of rows in the graph: the labeled rows and random others. The authors pick only among these; here
        every row may be picked.

    Notes
    -----
    The graph is dense but has rank D, so a product with it is two products with the embeddings, and the matrix of
    cosines is never computed. O(steps s D hidden) for s rows in the graph, then O(N D hidden) for each pick and labeled
    row; memory O(s (D + hidden) + N).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import CoreGCN
    >>> pool = np.random.default_rng(0).normal(size=(50, 4))
    >>> len(CoreGCN(steps=5).query(pool, 3, labeled=[0, 1], labels=[0, 1], random_state=0).indices)
    3
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
        # sorted by content, so that sums do not depend on the order of rows
        rows = np.concatenate([chance.sorted(query.labeled), chance.sorted(sample)])
        with one_thread():
            graph = Graph(sphere.rows(rows))
            hidden, loss = self._train(graph, len(query.labeled), query.seed)
            view: Pool = View(sphere, lambda points: hidden(graph.near(points)), self.hidden)
            if len(view) <= self.sample_size:
                view = ArrayPool(view.rows(np.arange(len(view))))  # computed once
            choice = CoreSet()._choose(replace(query, pool=view))
        return Choice(choice.indices, diagnostics={"loss": loss})

    def _train(self, graph: Graph, labeled: int, seed: int) -> tuple[Callable[[torch.Tensor], torch.Tensor], float]:
        """Train with the first ``labeled`` rows as labeled; return the hidden layer (a function) and the last loss."""
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
            mask = torch.rand(hidden.shape, generator=generator).to(device) >= self.dropout
            scores = graph.spread((hidden * mask / (1 - self.dropout)) @ second) + end
            loss = -F.logsigmoid(scores[:labeled]).mean() - self.balance * F.logsigmoid(-scores[labeled:]).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        weights, bias = first.detach(), start.detach()
        return lambda points: torch.relu(points @ weights + bias), float(loss.detach())


class Graph:
    """The authors' normalized graph of rows of unit length (s, D): cosines, with columns divided by their sums, plus I.

    The sums do not include a row's cosine with itself.
    """

    def __init__(self, points: torch.Tensor) -> None:
        self.points = points
        self.signed = bool((points < 0).any())
        x = self._factor(points)
        self.sum = x.sum(0)
        self.x, self.own, self.degree = x.float(), *(part.float() for part in self._sums(x))
        self.mixed = self.x.T @ (points.float() / self.degree)

    def _factor(self, points: torch.Tensor) -> torch.Tensor:
        """Return rows whose products are the edges: the cosine, or (1 + cosine) / 2."""
        return torch.cat([torch.ones_like(points[:, :1]), points], 1) * 0.5**0.5 if self.signed else points

    def _sums(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return each row's product with itself, and the sum of its products with other rows; (k, 1) each."""
        own = x.square().sum(1, keepdim=True)
        return own, ((x @ self.sum)[:, None] - own).clamp_min(1e-12)

    def spread(self, values: torch.Tensor) -> torch.Tensor:
        """Multiply the matrix by values, float32 (s, k). O(s D k)."""
        share = values / self.degree
        return self.x @ (self.x.T @ share) - self.own * share + values

    def near(self, points: torch.Tensor) -> torch.Tensor:
        """Apply ``spread`` to the embeddings of any points, in the graph or not; float32 (k, D)."""
        x = self._factor(points)
        own, degree = self._sums(x)
        return x.float() @ self.mixed + points.float() * (1 - own / degree).float()
