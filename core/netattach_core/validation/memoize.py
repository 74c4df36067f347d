"""A cache for what is computed from all inventories: once for each change, though a cluster has thousands of nodes and NADs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

from netattach_core.api.inventory import NodeInventory

T = TypeVar("T")
Nodes = Sequence[NodeInventory]


def cache_last(function: Callable[[Nodes], T]) -> Callable[[Nodes], T]:
    """Caches the result for the last tuple of inventories; not for other sequences, since those may change."""
    cached: tuple[Nodes, T] | None = None

    @functools.wraps(function)
    def wrapper(nodes: Nodes) -> T:
        nonlocal cached
        last = cached  # read once: other threads may replace it
        if last is not None and last[0] is nodes:
            return last[1]
        result = function(nodes)
        if isinstance(nodes, tuple):
            cached = (nodes, result)
        return result

    return wrapper
