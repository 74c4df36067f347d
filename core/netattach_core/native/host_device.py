"""The config of the plugin host-device, as far as its driver understands it.

Source: `plugins/main/host-device/host-device.go: loadConf`.
"""

from __future__ import annotations

from netattach_core.native import strict
from netattach_core.native.config import Config
from netattach_core.native.recipe import HostDevice

KEYS = ("device",)


def read(found: Config) -> HostDevice:
    """Devices by name only. Without an IPAM the result has no `dns`, which is for the program. Raises NotUnderstoodError."""
    strict.require(found.has_ipam or not found.dns)
    return HostDevice(found.interface("device"))
