"""Kernel ridge regression with a Gaussian kernel, its two figures chosen on held-out predictions.

Saunders, Gammerman, Vovk, "Ridge regression learning algorithm in dual variables" (1998).

Known trade-off: each pair of figures is solved anew. One eigendecomposition would serve all
penalties, but it works column by column, and crawls where other programs keep the cores busy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

GAMMAS = (0.1, 0.3, 1.0)
"""Of the kernel exp(-gamma d² / median d²)."""
LAMBDAS = (1e-3, 1e-2, 1e-1)
FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelRidge:
    """A fitted regression with the rows it learned from."""

    rows: NDArray[np.float32]
    """Shape (training rows, features)."""
    gamma: float
    """Of the squared distances as they are: already divided by their median."""
    weights: NDArray[np.float64]
    """Shape (training rows, outputs)."""
    offset: NDArray[np.float64]
    """Shape (outputs,): the mean of the targets."""

    def predict(self, rows: NDArray[np.float32]) -> Matrix:
        """Outputs, shape (rows, outputs); the rows are flattened behind their first axis."""
        import numpy as np

        squares = distances(_flat(rows), self.rows)
        return np.asarray(np.exp(-self.gamma * squares) @ self.weights + self.offset)

    def tensors(self, name: str) -> dict[str, NDArray[np.generic]]:
        """All but the training rows, each under its name behind the given one."""
        import numpy as np

        figures = {"gamma": np.array([self.gamma]), "weights": self.weights, "offset": self.offset}
        return {f"{name}.{key}": value for key, value in figures.items()}

    @staticmethod
    def from_tensors(
        name: str, told: Mapping[str, NDArray[np.generic]], rows: NDArray[np.float32]
    ) -> KernelRidge:
        """Reads what `tensors` told.

        Raises:
            KeyError: something is missing.
            ValueError: these are not the rows it learned from.
        """
        weights = told[f"{name}.weights"].astype(float)
        if len(weights) != len(rows):
            raise ValueError(f"`{name}` has {len(weights)} weights for {len(rows)} clips")
        return KernelRidge(
            rows=_flat(rows),
            gamma=float(told[f"{name}.gamma"].astype(float)[0]),
            weights=weights,
            offset=told[f"{name}.offset"].astype(float),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """A regression and what it says of rows it did not learn from."""

    ridge: KernelRidge
    held: NDArray[np.float64]
    """Predictions for the rows beside, or, without any, for each row as its fold was left out."""


def distances(rows: NDArray[np.float32], others: NDArray[np.float32]) -> Matrix:
    """Squared Euclidean distances, shape (rows, others)."""
    import numpy as np

    lengths = np.square(rows).sum(1)[:, None] + np.square(others).sum(1)[None]
    return np.asarray(np.maximum(lengths - 2 * (rows @ others.T), 0.0), dtype=np.float64)


def fit(
    rows: NDArray[np.float32],
    targets: Matrix,
    loss: Callable[[Matrix], float],
    *,
    beside: NDArray[np.float32] | None = None,
) -> Fitted:
    """Fits all pairs of `GAMMAS` and `LAMBDAS` and keeps the one with the least loss.

    Args:
        rows: shape (n, …); flattened behind the first axis.
        targets: shape (n, outputs).
        loss: of predictions for the rows beside or, without any, for the left-out folds.
        beside: held-out rows, shape (m, …).
    """
    import numpy as np

    known = _flat(rows)
    squares = distances(known, known)
    apart = None if beside is None else distances(_flat(beside), known)
    scale = float(np.median(squares)) or 1.0
    offset = targets.mean(0)
    best: tuple[float, float, float, Matrix] | None = None
    for gamma in (factor / scale for factor in GAMMAS):
        kernel = np.exp(-gamma * squares)
        across = None if apart is None else np.exp(-gamma * apart)
        for penalty in LAMBDAS:
            if across is None:
                held = _left_out(kernel, targets, penalty)
            else:
                held = across @ _weights(kernel, targets - offset, penalty) + offset
            found = loss(held)
            if best is None or found < best[0]:
                best = (found, gamma, penalty, held)
    if best is None:
        raise ValueError("no pair of figures to choose from")
    _, gamma, penalty, held = best
    weights = _weights(np.exp(-gamma * squares), targets - offset, penalty)
    ridge = KernelRidge(rows=known, gamma=gamma, weights=weights, offset=offset)
    return Fitted(ridge=ridge, held=held)


def _weights(kernel: Matrix, targets: Matrix, penalty: float) -> Matrix:
    import numpy as np

    return np.asarray(np.linalg.solve(kernel + penalty * np.eye(len(kernel)), targets))


def _left_out(kernel: Matrix, targets: Matrix, penalty: float) -> Matrix:
    """Predictions for each row by a fit without its fold."""
    import numpy as np

    held = np.empty_like(targets)
    folds = np.arange(len(targets)) % FOLDS
    for fold in range(min(FOLDS, len(targets))):
        out, kept = folds == fold, folds != fold
        offset = targets[kept].mean(0) if kept.any() else targets.mean(0)
        inner = kernel[np.ix_(kept, kept)]
        weights = _weights(inner, targets[kept] - offset, penalty)
        held[out] = kernel[np.ix_(out, kept)] @ weights + offset
    return held


def _flat(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows.reshape(len(rows), math.prod(rows.shape[1:]))
