"""The probe: an attachment in a namespace of its own, which shows that pods of the node can be attached.

The program `netattach-probe` (plugin/shim/probe/probe.c) has the shim call the daemon for it as a runtime does. The links that
its network needs on the node are in that namespace too, so that it leaves nothing wherever it is stopped.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from netattach_core.attach.attachment import Network
from netattach_core.errors import NotReadyError

CONTAINER_ID = "netattach-probe"
"""Of the calls of the probe. Container runtimes use digests."""

PARENT = "parent0"
"""The link in the probe's namespace that takes the place of the node's NIC."""

_NAME = "netattach-probe"
_NETWORKS = {
    "macvlan": {"type": "macvlan", "master": PARENT},
    "ipvlan": {"type": "ipvlan", "master": PARENT},
    "bridge": {"type": "bridge", "bridge": "bridge0"},
}
"""By the kind of link that it needs, in the order of preference; without IPAM, which would leave files."""


def network(link_kinds: Collection[str]) -> Network:
    """The network that the probe attaches, by the kinds of links that the kernel can make. Raises NotReadyError."""
    for kind, plugin in _NETWORKS.items():
        if kind in link_kinds and not {"dummy", "veth"}.isdisjoint(link_kinds):
            config = {"cniVersion": "1.0.0", "name": _NAME, "plugins": [plugin]}
            return Network(_NAME, json.dumps(config), _NAME)
    raise NotReadyError(
        f"the kernel can make links of the kinds {', '.join(sorted(link_kinds)) or 'none'}; install a kernel or kernel modules "
        f"with veth and {' or '.join(_NETWORKS)}"
    )
