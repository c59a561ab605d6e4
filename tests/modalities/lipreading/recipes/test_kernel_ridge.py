"""Kernel ridge: it learns a curve, and what it says of left-out rows is what refitting says."""

from __future__ import annotations

import numpy as np
import pytest

from truing.modalities.lipreading.recipes.kernel_ridge import (
    FOLDS,
    GAMMAS,
    LAMBDAS,
    KernelRidge,
    distances,
    fit,
)


def rows(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 3)).astype(np.float32)


def curve(points: np.ndarray) -> np.ndarray:
    wave = np.sin(3 * points[:, 0]) + points[:, 1] ** 2
    return np.stack([wave, -wave + 5], axis=1).astype(float)


def mean_error(wanted: np.ndarray):
    return lambda held: float(np.abs(held - wanted).mean())


def test_it_learns_a_curve() -> None:
    known, others = rows(200), rows(80, seed=1)
    fitted = fit(known, curve(known), mean_error(curve(known)))
    assert np.abs(fitted.ridge.predict(others) - curve(others)).mean() < 0.03
    assert np.abs(fitted.held - curve(known)).mean() < 0.05


def test_left_out_folds_are_as_if_fitted_without_them() -> None:
    known = rows(43)
    targets = curve(known)
    fitted = fit(known, targets, mean_error(targets))
    ridge = fitted.ridge
    # The penalty that was chosen follows from the weights: (K + penalty I) weights = targets.
    kernel = np.exp(-ridge.gamma * distances(known, known))
    rest = (targets - ridge.offset) - kernel @ ridge.weights
    penalty = float(np.median(rest / ridge.weights))
    assert min(abs(penalty - one) / one for one in LAMBDAS) < 1e-3
    for fold in range(FOLDS):
        out = np.arange(len(known)) % FOLDS == fold
        offset = targets[~out].mean(0)
        inner = kernel[np.ix_(~out, ~out)] + penalty * np.eye(int((~out).sum()))
        weights = np.linalg.solve(inner, targets[~out] - offset)
        again = kernel[np.ix_(out, ~out)] @ weights + offset
        assert np.allclose(fitted.held[out], again, atol=1e-6)


def test_figures_are_chosen_on_the_rows_beside() -> None:
    known, beside = rows(60), rows(20, seed=2)
    seen: list[int] = []

    def loss(held: np.ndarray) -> float:
        seen.append(len(held))
        return float(np.abs(held - curve(beside)).mean())

    fitted = fit(known, curve(known), loss, beside=beside)
    assert seen == [20] * (len(GAMMAS) * len(LAMBDAS))
    assert np.allclose(fitted.held, fitted.ridge.predict(beside))


def test_shapes_beyond_two_axes_are_flattened() -> None:
    known = rows(30).reshape(10, 3, 3)
    fitted = fit(known, np.arange(10.0)[:, None], mean_error(np.arange(10.0)[:, None]))
    assert fitted.ridge.rows.shape == (10, 9)
    assert fitted.ridge.predict(known[:2]).shape == (2, 1)
    assert fitted.ridge.predict(known[:0]).shape == (0, 1)


def test_equal_rows_and_a_single_one_do_not_break_it() -> None:
    for known in (np.ones((6, 4), np.float32), np.ones((1, 4), np.float32)):
        targets = np.arange(len(known), dtype=float)[:, None]
        fitted = fit(known, targets, mean_error(targets))
        assert fitted.ridge.predict(known)[0, 0] == pytest.approx(targets.mean(), abs=0.01)


def test_what_is_told_comes_back_with_its_rows() -> None:
    known = rows(20)
    ridge = fit(known, curve(known), mean_error(curve(known))).ridge
    told = ridge.tensors("a.b")
    assert set(told) == {"a.b.gamma", "a.b.weights", "a.b.offset"}
    again = KernelRidge.from_tensors("a.b", told, known)
    assert np.allclose(again.predict(rows(5, seed=3)), ridge.predict(rows(5, seed=3)))
    with pytest.raises(ValueError, match="20 weights for 19 clips"):
        KernelRidge.from_tensors("a.b", told, known[:19])
    with pytest.raises(KeyError):
        KernelRidge.from_tensors("c", told, known)
