"""The config of the plugin ipvlan, as far as its driver understands it (`plugins/main/ipvlan/ipvlan.go: loadConf`)."""

from __future__ import annotations

from netattach_core.native import strict
from netattach_core.native.config import Config
from netattach_core.native.recipe import Ipvlan

KEYS = ("master", "mode", "mtu", "linkInContainer")
_MODES = ("l2", "l3", "l3s")


def read(found: Config) -> Ipvlan:
    """Without a master the program takes that of the node's default route, and it needs an IPAM. Raises NotUnderstoodError."""
    mode = found.text("mode") or _MODES[0]
    strict.require(mode in _MODES and found.has_ipam and not found.flag("linkInContainer"))
    return Ipvlan(master=found.interface("master"), mode=mode, mtu=found.number("mtu"))
