"""Lists of names in messages: the first few, and how many more there are."""

from __future__ import annotations

from collections.abc import Iterable


def and_more(names: Iterable[str], most: int) -> str:
    """`a, b and 3 more`: at most `most` of the names, separated by commas, and the number of the others."""
    names = list(names)
    text = ", ".join(names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"
