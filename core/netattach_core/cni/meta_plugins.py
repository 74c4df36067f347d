"""Meta-plugins, which attach networks themselves: no CNI config of a network may name one, so that no call recurses.

As IPAM plugin or delegate of another plugin, netattach would run the author's input as root and inside its own call.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from netattach_core.text import json_document
from netattach_core.text.finding import Path
from netattach_core.text.json_document import Node

META_PLUGINS = frozenset({"netattach", "multus", "multus-shim"})
"""netattach, and the meta-plugins that it replaces (Multus issue #1130 describes such a recursion)."""


def find_all(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Each `type` that names a meta-plugin, with its path, at any depth and with the key in any case.

    All duplicate keys count: Go structs read the last one in any case, Go maps (flannel's delegate) the one in lower case. The
    depth does not matter, since a plugin may run others than `ipam` and `delegate`.
    """
    for member in node.members:
        is_type, value = member.key.casefold() == "type", member.node.value
        if is_type and isinstance(value, str) and value in META_PLUGINS:
            yield (*path, member.key), member.node
        yield from find_all(member.node, (*path, member.key))
    for index, item in enumerate(node.items):
        yield from find_all(item, (*path, index))


@functools.lru_cache(maxsize=512)  # all pods of a node use the same few networks
def find_first(text: str) -> tuple[Path, str] | None:
    """The path and value of the first such `type`. Raises JsonTextError."""
    if "\\u" not in text and not any(name in text for name in META_PLUGINS):
        return None  # only a \\u escape can hide such a name
    return next(((path, node.value) for path, node in find_all(json_document.parse(text))), None)
