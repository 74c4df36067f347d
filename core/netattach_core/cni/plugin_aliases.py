"""Binaries that are a plugin under another name."""

from __future__ import annotations

OTHER_NAMES = {"cnv-bridge": "bridge", "cnv-tuning": "tuning"}
"""KubeVirt's builds (cluster-network-addons-operator data/linux-bridge/002-linux-bridge.yaml)."""


def own_name(binary: str) -> str:
    """The plugin that a binary of this name is."""
    return OTHER_NAMES.get(binary, binary)
