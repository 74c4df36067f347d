"""The config of the plugin vlan, as far as its driver understands it (`plugins/main/vlan/vlan.go: loadConf`)."""

from __future__ import annotations

from netattach_core.native import strict
from netattach_core.native.config import Config
from netattach_core.native.recipe import Vlan

KEYS = ("master", "vlanId", "mtu", "linkInContainer")
_LARGEST_ID = 4094


def read(found: Config) -> Vlan:
    """Raises NotUnderstoodError, also without a master or an IPAM, which the program refuses."""
    vlan_id = found.number("vlanId")
    strict.require(vlan_id <= _LARGEST_ID and found.has_ipam and not found.flag("linkInContainer"))
    return Vlan(master=found.interface("master"), vlan_id=vlan_id, mtu=found.number("mtu"))
