"""Whole numbers among the quantities of Kubernetes."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.mutation import quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("0", 0), ("1", 1), ("+1", 1), (1, 1), ("1.0", 1), ("1.", 1), ("1000m", 1), ("0.5k", 500)),
        *(("1e3", 1000), ("1E3", 1000), ("10e-1", 1), ("1Ki", 1024), ("2M", 2_000_000), ("3000000u", 3)),
        *(("1000000000n", 1), ("1E", 10**18), (2**63 - 1, 2**63 - 1)),
    ],
)
def test_a_whole_number(text: Any, number: int) -> None:
    assert number == quantity.whole(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-1", "1.5", "500m", "1e", "e3", "1e999", "1ki", "1 ", " 1", "1\n", "m", ".", "x", "٣"),
        *("9" * 21, "9" * 5000, "10E", str(2**63), None, True, 1.0, [], {}, "1" + "." * 9),
    ],
)
def test_anything_else_is_none(text: Any) -> None:
    assert None is quantity.whole(text)
