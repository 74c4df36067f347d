"""Names under which plugins exist on a node: other names of their binaries, and the dhcp plugin's type and socket."""

from __future__ import annotations

OTHER_NAMES = {"cnv-bridge": "bridge", "cnv-tuning": "tuning"}
"""KubeVirt's builds (cluster-network-addons-operator data/linux-bridge/002-linux-bridge.yaml)."""

DHCP_TYPE = "dhcp"

DHCP_SOCKET = "/run/cni/dhcp.sock"
"""Where the dhcp plugin connects to its daemon unless the network sets `daemonSocketPath`."""


def own_name(binary: str) -> str:
    """The plugin's name in its project, given its binary's name."""
    return OTHER_NAMES.get(binary, binary)
