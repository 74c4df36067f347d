"""The sysctls of an interface: before it gets addresses (`pkg/ipam/ipam_linux.go: ConfigureIface`), and those that are tuned."""

from __future__ import annotations

from collections.abc import Mapping

from netattach_core.native import tuning
from netattach_core.native.addressing import Addressing
from netattach_core.native.recipe import Tuning
from netattach_core.shim.protocol import Sysctl


def for_addresses(ifname: str, addressing: Addressing | None) -> list[tuple[Sysctl, bool]]:
    """Each with whether its value is required. Without IPv6 in the kernel there is nothing to enable."""
    if addressing is None or not any(":" in each.address for each in addressing.ips):
        return []
    return [
        (Sysctl("net/ipv6/conf/lo/disable_ipv6", "0"), False),
        (Sysctl(f"net/ipv6/conf/{ifname}/disable_ipv6", "0"), False),
        (Sysctl(f"net/ipv6/conf/{ifname}/keep_addr_on_down", "1"), True),
    ]


def forwarding(by_version: Mapping[int, Sysctl], addressing: Addressing | None) -> list[Sysctl]:
    """Those for the IP versions of the addresses."""
    ips = addressing.ips if addressing else ()
    versions = {6 if ":" in each.address else 4 for each in ips}
    return [sysctl for version, sysctl in by_version.items() if version in versions]


def tuned(wanted: Tuning, ifname: str) -> list[Sysctl]:
    """Those of a pod with this interface."""
    return [Sysctl(path.replace(tuning.INTERFACE, ifname, 1), value) for path, value in wanted.sysctls]
