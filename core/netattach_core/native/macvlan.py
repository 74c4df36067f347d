"""The config of the plugin macvlan, as far as its driver understands it (`plugins/main/macvlan/macvlan.go: loadConf`)."""

from __future__ import annotations

from netattach_core.native import strict
from netattach_core.native.config import Config
from netattach_core.native.recipe import Macvlan

KEYS = ("master", "mode", "mtu", "mac", "linkInContainer", "bcqueuelen")
_MODES = ("bridge", "private", "vepa", "passthru")


def read(found: Config) -> Macvlan:
    """Without a master the program looks for the interface of the node's default route. Raises NotUnderstoodError."""
    mode = found.text("mode") or _MODES[0]
    strict.require(mode in _MODES and not found.flag("linkInContainer"))
    return Macvlan(
        master=found.interface("master"),
        mode=mode,
        mtu=found.number("mtu"),
        mac=found.mac(),
        queue=found.number("bcqueuelen"),
    )
