"""What a native driver does in place of a plugin's program, as data.

A recipe has everything that the config and the pod's requests say; what the node and the pod's network namespace are like is
found out when it is carried out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.native.host_local import HostLocal
from netattach_core.native.static import Static


@dataclass(frozen=True, slots=True)
class Macvlan:
    """A macvlan on `master`. `mtu` and `queue` 0: the kernel's own choice; `mac` "": a random one."""

    master: str
    mode: str = "bridge"
    mtu: int = 0
    mac: str = ""
    queue: int = 0


@dataclass(frozen=True, slots=True)
class Ipvlan:
    """An ipvlan on `master`. `mtu` 0: the kernel's own choice."""

    master: str
    mode: str = "l2"
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class Vlan:
    """A VLAN on `master`. `mtu` 0: that of the master."""

    master: str
    vlan_id: int = 0
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class Dummy:
    """An interface without any other end."""


@dataclass(frozen=True, slots=True)
class HostDevice:
    """An interface of the node by name, which is moved into the pod."""

    device: str


Link = Macvlan | Ipvlan | Vlan | Dummy | HostDevice
"""The interface that a driver creates in the pod."""

REPORTS_IPAM_DNS = Dummy
"""Whose result has the DNS servers of the IPAM plugin where the config names none."""

Ipam = HostLocal | Static
"""How it gets its addresses."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """An interface, how it gets its addresses (None: it has none), and the DNS servers that the result reports."""

    link: Link
    ipam: Ipam | None = None
    dns: Mapping[str, Any] = field(default_factory=dict, hash=False)
