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


@dataclass(frozen=True, slots=True)
class Bridge:
    """A veth pair with one end in the pod; the other one is a port of the bridge `name`, which is created if it does not exist.

    `trunk`: the first and last VLAN of each range that the port carries tagged. `gateway`: the bridge has the addresses of the
    gateways, and `default_gateway`: they are the pod's default routes too. `mtu` 0: the kernel's own choice; `mac` "": a random
    one.
    """

    name: str = "cni0"
    mtu: int = 0
    mac: str = ""
    promiscuous: bool = False
    hairpin: bool = False
    isolated: bool = False
    vlan: int = 0
    trunk: tuple[tuple[int, int], ...] = ()
    filters_vlans: bool = False
    keeps_default_vlan: bool = False
    gateway: bool = False
    default_gateway: bool = False
    force_address: bool = False
    detects_duplicates: bool = False
    stays_down: bool = False


@dataclass(frozen=True, slots=True)
class Ptp:
    """A veth pair between pod and node, over whose end on the node all traffic goes. `mtu` 0: the kernel's own choice."""

    mtu: int = 0


Link = Macvlan | Ipvlan | Vlan | Dummy | HostDevice | Bridge | Ptp
"""The interface that a driver creates in the pod."""

REPORTS_IPAM_DNS = Bridge | Dummy | Ptp
"""Whose result has the DNS servers of the IPAM plugin where the config names none."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is changed of an interface that a driver has created before, and of its pod's namespace.

    `sysctls`: paths below /proc/sys with IFNAME for the interface's name, and values. `mac` "", `mtu` 0, not `promiscuous` and
    None leave it as it is.
    """

    sysctls: tuple[tuple[str, str], ...] = ()
    mac: str = ""
    mtu: int = 0
    promiscuous: bool = False
    all_multicast: bool | None = None
    queue_length: int | None = None

    @property
    def changes_link(self) -> bool:
        """Whether it changes anything but sysctls."""
        return self != Tuning(self.sysctls)


Ipam = HostLocal | Static
"""How it gets its addresses."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """An interface, how it gets its addresses (None: it has none), and the DNS servers that the result reports."""

    link: Link
    ipam: Ipam | None = None
    dns: Mapping[str, Any] = field(default_factory=dict, hash=False)
