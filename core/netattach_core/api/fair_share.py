"""Which of many things are taken where there is room for some: whoever has many of them in one namespace displaces no other."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Generic, TypeVar

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


class Rotation(Generic[T]):
    """Takes some of many hashable items round after round: the namespaces that wait longest, and in each its item that does.

    So a namespace waits for as many rounds as the namespaces fill, whatever is in the others; an item, for those of its own too.
    """

    def __init__(self, most: int, *, namespace: Callable[[T], str]) -> None:
        self._most = most
        self._namespace = namespace
        self._round = 0
        self._items: Mapping[T, int] = {}
        self._namespaces: Mapping[str, int] = {}

    def take(self, items: Collection[T]) -> list[T]:
        """One round. What is new waits from now on, as does what comes back after a round in which it was not among the items."""
        of_items = {item: self._items.get(item, self._round) for item in items}
        names = {self._namespace(item) for item in items}
        of_namespaces = {name: self._namespaces.get(name, self._round) for name in names}

        def order(item: T) -> tuple[int, int, str]:
            return of_namespaces[self._namespace(item)], of_items[item], str(item)

        taken = first(items, self._most, namespace=self._namespace, order=order)
        self._round += 1
        of_items.update(dict.fromkeys(taken, self._round))
        of_namespaces.update(dict.fromkeys(map(self._namespace, taken), self._round))
        self._items, self._namespaces = of_items, of_namespaces
        return taken
