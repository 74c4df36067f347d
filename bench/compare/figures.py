"""Statistics of measured values. Pure."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one value, measured several times."""

    median: float
    p99: float
    count: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """Of two medians, with the interval in which it lies with 95 percent confidence."""

    value: float
    low: float
    high: float


def summary(values: Sequence[float]) -> Summary:
    """Of at least one value."""
    return Summary(statistics.median(values), percentile(values, 99), len(values))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)  # rounded up
    return ordered[max(0, int(rank) - 1)]


def ratio(values: Sequence[float], others: Sequence[float]) -> Ratio:
    """The median of `values` by that of `others`. Spread: bootstrap over both, with the same random numbers in each run."""
    generator = random.Random(1)  # noqa: S311  # nothing secret
    resampled = sorted(
        _by(generator.choices(values, k=len(values)), generator.choices(others, k=len(others)))
        for _ in range(_RESAMPLES)
    )
    low, high = resampled[int(_RESAMPLES * 0.025)], resampled[int(_RESAMPLES * 0.975) - 1]
    return Ratio(_by(values, others), low, high)


def _by(values: Sequence[float], others: Sequence[float]) -> float:
    """Infinite where the other median is 0."""
    divisor = statistics.median(others)
    return statistics.median(values) / divisor if divisor else float("inf")
