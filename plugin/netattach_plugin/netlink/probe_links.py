"""The port Links for the probe: what drivers do on the node happens in the probe's own namespace."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from netattach_plugin.netlink import link_kinds
from netattach_plugin.netlink.native_links import in_thread
from netattach_plugin.netlink.node_links import NetlinkLinks
from netattach_plugin.netlink.pod_links import PodLinks, open_links


class ProbeLinks(NetlinkLinks):
    """All of it within one namespace, so that nothing remains when its last process ends."""

    def open(self, netns: int, route_sockets: Sequence[int] = ()) -> AbstractAsyncContextManager[PodLinks]:
        return open_links(self._opener.sockets(netns, route_sockets), is_node=True)

    async def kinds(self, route_socket: int) -> tuple[str, ...]:
        """Those that the kernel can make, by one of the shim's sockets; leaves a parent for other links. Raises OSError."""
        return await in_thread(lambda: link_kinds.available(route_socket))
