"""Plugin binaries that exist under another name."""

from __future__ import annotations

ALIASES = {"cnv-bridge": "bridge", "cnv-tuning": "tuning"}
"""From KubeVirt's cluster-network-addons-operator (`data/linux-bridge/002-linux-bridge.yaml`)."""

DHCP_TYPE = "dhcp"

DHCP_SOCKET = "/run/cni/dhcp.sock"
"""Where the dhcp plugin connects to its daemon unless the network sets `daemonSocketPath`."""


def canonical_name(binary: str) -> str:
    """The name of the plugin that a binary contains."""
    return ALIASES.get(binary, binary)
