"""Work on what the nodes have told, done once for each change of it: a cluster may have thousands of nodes, and of NADs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

from netattach_core.api.inventory import NodeInventory

T = TypeVar("T")
Nodes = Sequence[NodeInventory]


def cache_last(function: Callable[[Nodes], T]) -> Callable[[Nodes], T]:
    """Remembers what comes of one tuple of inventories, the last one; another sequence may change, and is looked at anew."""
    kept: tuple[Nodes, T] | None = None

    @functools.wraps(function)
    def answer(nodes: Nodes) -> T:
        nonlocal kept
        known = kept
        if known is not None and known[0] is nodes:
            return known[1]
        found = function(nodes)
        if isinstance(nodes, tuple):
            kept = (nodes, found)
        return found

    return answer
