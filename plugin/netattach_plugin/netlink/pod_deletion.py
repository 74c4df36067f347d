"""Deletes what native drivers have created in a pod, all of it in one request where that deletes nothing else.

Deleting links one by one waits for all processors each time (RCU); the kernel deletes those of a group at once.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Collection, Iterator

from netattach_plugin.netlink import links, peer_links, route_socket


def delete(netns: int, names: Collection[str]) -> None:
    """The links of these names in the namespace of a descriptor, as far as they exist. Raises OSError."""
    with route_socket.of_node() as node:
        target = peer_links.id_of(node, netns)
        ours: set[int] = set()
        group: set[int] = set()
        for link in links.all_in(node, target):
            if link.name in names:
                ours.add(link.index)
            if link.group == links.GROUP:
                group.add(link.index)
        if len(group) > 1 and group <= ours and links.delete_group(node, target):
            ours -= group
        for index in ours:
            with _unless_gone():
                links.delete(node, index, target)


@contextlib.contextmanager
def _unless_gone() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENODEV:
            raise
