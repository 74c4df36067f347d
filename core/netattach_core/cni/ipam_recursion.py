"""Plugins that run an IPAM plugin, named as IPAM plugins themselves: each would run itself, without end.

A plugin passes its standard input to its IPAM plugin unchanged (CNI SPEC section 4). One that reads `ipam.type` and runs that
plugin therefore starts itself again and again as root, until the plugin's deadline or until the node has no memory left.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from netattach_core.text import json_document
from netattach_core.text.finding import Path
from netattach_core.text.json_document import Node

RUNS_IPAM = frozenset(
    {
        *("bridge", "cnv-bridge", "macvlan", "ipvlan", "vlan", "ptp", "host-device", "tap", "dummy", "vrf"),
        *("bond", "sriov", "ib-sriov", "ovs", "accelerated-bridge", "rdma", "ipoib"),
    }
)
"""The reference plugins of CNI 1.9.1 that call `ipam.ExecAdd`, and third-party ones that do the same."""


@functools.lru_cache(maxsize=512)  # all pods of a node use the same few networks
def find_first(text: str) -> tuple[Path, str] | None:
    """The path and value of the first `ipam.type` that names such a plugin, at any depth. Raises JsonTextError.

    Keys in any case and duplicates count, as in `meta_plugins`.
    """
    return next(_find(json_document.parse(text), (), in_ipam=False), None)


def _find(node: Node, path: Path, *, in_ipam: bool) -> Iterator[tuple[Path, str]]:
    for member in node.members:
        key, value = member.key.casefold(), member.node.value
        if in_ipam and key == "type" and isinstance(value, str) and value in RUNS_IPAM:
            yield (*path, member.key), value
        yield from _find(member.node, (*path, member.key), in_ipam=key == "ipam")
    for index, item in enumerate(node.items):
        yield from _find(item, (*path, index), in_ipam=False)
