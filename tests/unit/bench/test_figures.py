"""The benchmark's statistics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import figures

VALUES = st.lists(st.floats(min_value=0.1, max_value=1e6), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [(100, 99, 99), (101, 99, 100), (20, 99, 20), (1, 99, 1), (10, 50, 5), (3, 0, 1)],
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    count: int, percent: float, expected: int
) -> None:
    assert expected == figures.percentile(list(range(count, 0, -1)), percent)


def test_a_summary_has_the_median_and_the_number_of_values() -> None:
    assert figures.Summary(2.5, 4, 4) == figures.summary([4, 1, 3, 2])


def test_the_ratio_of_constant_values_has_no_spread() -> None:
    assert figures.Ratio(2.0, 2.0, 2.0) == figures.ratio([10.0] * 5, [5.0] * 7)


@given(VALUES, VALUES)
def test_the_spread_contains_no_ratio_outside_of_the_extremes_and_is_repeatable(
    ours: list[float], others: list[float]
) -> None:
    found = figures.ratio(ours, others)

    assert min(ours) / max(others) <= found.low <= found.high <= max(ours) / min(others)
    assert found == figures.ratio(ours, others)


def test_a_ratio_to_nothing_is_infinite() -> None:
    assert float("inf") == figures.ratio([1.0], [0.0]).value
