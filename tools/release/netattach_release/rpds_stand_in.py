"""What jsonschema and referencing use of rpds, in Python: rpds is compiled, and the single file has nothing that is.

Each change returns a new object, as in rpds, and copies the old one: a schema of netattach has a few entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


class HashTrieMap(Mapping[Any, Any]):
    """A mapping that does not change."""

    def __init__(self, value: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (), **more: Any) -> None:
        self._items = dict(value, **more)

    @classmethod
    def convert(cls, value: Any) -> HashTrieMap:
        return value if isinstance(value, cls) else cls(value)

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return f"HashTrieMap({self._items!r})"

    def insert(self, key: Any, value: Any) -> HashTrieMap:
        return HashTrieMap({**self._items, key: value})

    def remove(self, key: Any) -> HashTrieMap:
        """Raises KeyError."""
        rest = dict(self._items)
        del rest[key]
        return HashTrieMap(rest)

    def discard(self, key: Any) -> HashTrieMap:
        return self.remove(key) if key in self._items else self

    def update(self, *others: Mapping[Any, Any] | Iterable[tuple[Any, Any]], **more: Any) -> HashTrieMap:
        merged = dict(self._items)
        for other in others:
            merged.update(other)
        return HashTrieMap({**merged, **more})


class HashTrieSet(frozenset[Any]):
    """A set that does not change."""

    __slots__ = ()

    def insert(self, value: Any) -> HashTrieSet:
        return HashTrieSet((*self, value))

    def discard(self, value: Any) -> HashTrieSet:
        return HashTrieSet(each for each in self if each != value)

    def remove(self, value: Any) -> HashTrieSet:
        """Raises KeyError."""
        if value not in self:
            raise KeyError(value)
        return self.discard(value)

    def update(self, *others: Iterable[Any]) -> HashTrieSet:
        return HashTrieSet((*self, *(each for other in others for each in other)))


class List(tuple[Any, ...]):
    """A list that does not change, with its first element where it is added."""

    __slots__ = ()

    def push_front(self, value: Any) -> List:
        return List((value, *self))

    @property
    def first(self) -> Any:
        return self[0]

    @property
    def rest(self) -> List:
        return List(self[1:])

    def drop_first(self) -> List:
        return self.rest
