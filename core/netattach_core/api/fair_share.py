"""Which of many things are taken where there is room for some: whoever has many of them in one namespace displaces no other."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


def first(
    items: Iterable[T], most: int, *, namespace: Callable[[T], str], order: Callable[[T], Any]
) -> list[T]:
    """At most so many items: the first one of each namespace, then the second one of each, and so on.

    `order` is the key by which items of one namespace are sorted, and those of equal rank.
    """
    of_namespace: defaultdict[str, list[T]] = defaultdict(list)
    for item in items:
        of_namespace[namespace(item)].append(item)
    ranked = (
        (rank, order(item), item)
        for each in of_namespace.values()
        for rank, item in enumerate(sorted(each, key=order))
    )
    return [item for _, _, item in heapq.nsmallest(most, ranked, key=lambda entry: entry[:2])]
