"""Caches: of what is computed from all inventories, once for each change, and of what is read from a configuration's text."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import ParamSpec, TypeVar, cast

from netattach_core.api.inventory import NodeInventory

P = ParamSpec("P")
T = TypeVar("T")
Nodes = Sequence[NodeInventory]

_SHORT, _LONGEST = 2048, 32 * 1024
"""Characters of a configuration; real ones have a few hundred."""

_LONG_TEXTS = 16
"""Longer configurations whose results are cached. Parsed, a text takes a hundred times as much memory, and whoever may send
networks to admission chooses how many there are, and how long."""


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


def cache_texts(size: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Caches the results for so many short texts, and for a few longer ones; the text is the first argument.

    All arguments have to be hashable, and passed by position; nobody changes a result.
    """

    def decorated(function: Callable[P, T]) -> Callable[P, T]:
        of_short, of_long = (functools.lru_cache(count)(function) for count in (size, _LONG_TEXTS))

        @functools.wraps(function)
        def wrapper(text: str, *rest: Hashable) -> T:
            length = len(text)
            if length <= _SHORT:
                return of_short(text, *rest)
            return of_long(text, *rest) if length <= _LONGEST else of_long.__wrapped__(text, *rest)

        return cast(Callable[P, T], wrapper)

    return decorated
