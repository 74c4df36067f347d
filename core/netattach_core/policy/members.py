"""All values of a configuration at any depth, as written: also of keys that are there twice, of which a plugin reads one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netattach_core.text.finding import Path
from netattach_core.text.json_document import Node


class Value(NamedTuple):
    """A value, its path, and its key as Go compares keys; an item of a list has the key of the list."""

    path: Path
    key: str
    node: Node


def walk(node: Node, path: Path = (), key: str = "") -> Iterator[Value]:
    """The node itself and all values inside it, each before those inside it.

    Without recursion, which would take a step for each level of each value.
    """
    waiting = [Value(path, key, node)]
    while waiting:
        value = waiting.pop()
        yield value
        path, key, node = value
        if node.members:
            waiting += [Value((*path, m.key), m.key.casefold(), m.node) for m in reversed(node.members)]
        elif node.items:
            inner = [Value((*path, index), key, item) for index, item in enumerate(node.items)]
            waiting += reversed(inner)
