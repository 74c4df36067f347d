"""veth pairs with one end on the node (`pkg/ip/link_linux.go: SetupVeth`)."""

from __future__ import annotations

import dataclasses
import errno
import os

from netattach_core.native.failure import failure
from netattach_core.shim.protocol import Sysctl
from netattach_plugin.netlink import links
from netattach_plugin.netlink.drivers.driver import failing
from netattach_plugin.netlink.links import NewLink
from netattach_plugin.netlink.route_socket import RouteSocket

_ATTEMPTS = 10
"""As many random names are tried, as by the reference plugins."""


def create(plugin: str, node: RouteSocket, outer: NewLink, there: RouteSocket, inner: NewLink) -> str:
    """Creates a pair and sets `outer` up, which is on the node and gets a random name, which is returned.

    `there`: a socket where `inner` is created. Raises DelegateError.
    """
    problem = f"container veth name ({inner.name!r}) already exists"
    for _ in range(_ATTEMPTS):
        name = f"veth{os.urandom(4).hex()}"
        with failing(plugin, f"make veth pair {inner.name}"):
            if _is_created(node, dataclasses.replace(outer, name=name), inner):
                return name
            if links.find(there, inner.name) is not None:
                raise failure(plugin, problem)
    raise failure(plugin, f"failed to find a unique veth name in {_ATTEMPTS} attempts")


def _is_created(node: RouteSocket, outer: NewLink, inner: NewLink) -> bool:
    """False where a link of one of the names exists."""
    try:
        links.create_pair(node, outer, inner)
    except OSError as error:
        if error.errno == errno.EEXIST:
            return False
        raise
    return True


def without_advertisements(name: str) -> Sysctl:
    """The link on the node gets no addresses and routes by router advertisements: its routes are those of the plugin."""
    return Sysctl(f"net/ipv6/conf/{name}/accept_ra", "0", in_pod=False)
