"""Medians over a few places: their own, and the slope of the line along which most of them lie."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["median", "slope_of"]


def slope_of(x: NDArray[np.float64], y: NDArray[np.float64], apart: float) -> float:
    """By how much places at `x` and `y`, both [n], fall to the right: the median over pairs at least so far `apart`,
    which is above 0 (P. K. Sen, 'Estimates of the Regression Coefficient Based on Kendall's Tau', 1968); 0 where none
    are.
    """
    run, rise = x - x[:, np.newaxis], y - y[:, np.newaxis]
    is_apart = run >= apart
    return median(rise[is_apart] / run[is_apart]) if is_apart.any() else 0.0


def median(values: NDArray[Any]) -> float:
    """As numpy's, of at least one value in an array [n]; numpy's takes twenty times as long for a few."""
    ordered = sorted(values.tolist())
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
