"""Forwarding between interfaces of the node, which the gateways of pods need (`pkg/ip/ipforward_linux.go`)."""

from __future__ import annotations

from pathlib import Path

from netattach_core.shim.protocol import Sysctl

_PATHS = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}


def disabled() -> dict[int, Sysctl]:
    """What enables it, by the IP versions for which it is not enabled: to write it again would change single interfaces."""
    return {
        version: Sysctl(path, "1", in_pod=False) for version, path in _PATHS.items() if not _is_enabled(path)
    }


def _is_enabled(path: str) -> bool:
    try:
        return Path("/proc/sys", path).read_text().strip() == "1"
    except OSError:
        return False
