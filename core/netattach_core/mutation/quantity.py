"""Quantities of resources (`k8s.io/apimachinery/pkg/api/resource/quantity.go`), as far as devices have them: whole numbers."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

_QUANTITY = re.compile(r"\+?([0-9]{1,20})(?:\.([0-9]{0,20}))?([a-zA-Z]{0,2}|[eE][+-]?[0-9]{1,2})")
_SUFFIXES = {
    **{suffix: Fraction(10) ** (3 * power) for power, suffix in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)},
    **{suffix: Fraction(2) ** (10 * power) for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
}  # fmt: skip  # a line for each base
_LARGEST = 2**63 - 1


def whole(value: Any) -> int | None:
    """The number; None for one that no device can have: negative, a fraction, too large, or not a quantity."""
    match = _QUANTITY.fullmatch(str(value)) if isinstance(value, int | str) else None
    factor = _factor(match[3]) if match else None
    if match is None or factor is None:
        return None
    digits, decimals = match[1], match[2] or ""
    number = Fraction(int(digits + decimals), 10 ** len(decimals)) * factor
    return int(number) if number.denominator == 1 and number <= _LARGEST else None


def _factor(suffix: str) -> Fraction | None:
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    exponent = suffix[1:]
    return Fraction(10) ** int(exponent) if exponent.lstrip("+-").isdecimal() else None
