"""Plugins that attach networks themselves, wherever a configuration names one: no network leads back to us.

Ourselves as another plugin's IPAM or delegate would be handed what the author wrote, as root and inside our own call.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from netattach_core.text import json_document
from netattach_core.text.finding import Path
from netattach_core.text.json_document import Node

META_PLUGINS = frozenset({"netattach", "multus", "multus-shim"})
"""Ourselves, and those that we take over from (Multus #1130: a fork bomb)."""


def named(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Each place where a `type`, in whatever case and at whatever depth, is one of them.

    Of keys that are there twice all count: Go's types take the last in any case, its maps (flannel's delegate) the one that is
    written exactly so. And at any depth, since what a plugin runs besides `ipam` and `delegate` nobody knows.
    """
    for member in node.members:
        is_type, value = member.key.casefold() == "type", member.node.value
        if is_type and isinstance(value, str) and value in META_PLUGINS:
            yield (*path, member.key), member.node
        yield from named(member.node, (*path, member.key))
    for index, item in enumerate(node.items):
        yield from named(item, (*path, index))


@functools.lru_cache(maxsize=512)  # the same few networks for all pods of a node
def first_named(text: str) -> tuple[Path, str] | None:
    """The first such place of a configuration, and the name there. Raises JsonTextError."""
    if "\\u" not in text and not any(name in text for name in META_PLUGINS):
        return None  # only that escape could hide a letter of theirs
    return next(((path, node.value) for path, node in named(json_document.parse(text))), None)
