"""host-device: a device of the node itself, moved into the pod (host-device.go: NetConf, loadConf, getLink)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netattach_core.net import addresses
from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

DEVICE = Rule("host-device-device", Severity.DENY, "a device that cannot be found by what is given")

_PCI = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", re.IGNORECASE)
_SELECTORS = ("device", "hwaddr", "kernelpath", "pciBusID")
"""In the order in which the plugin looks; the first one counts (HD2)."""


def check(conf: View, context: Context) -> Iterator[Finding]:
    """HD1 to HD6."""
    yield from common_rules.link_name(conf, "device")
    given = [key for key in _SELECTORS if conf.given(key) and conf.value(key) != ""]
    if not given and not context.resource and "deviceID" not in context.capabilities:
        problem = (
            "nothing says which device is meant: none of `device`, `hwaddr`, `kernelpath` and `pciBusID` is there, and "
            "the NAD names no resource of a device plugin"
        )
        fix = 'add "device": "eth1", or annotate the NAD with k8s.v1.cni.cncf.io/resourceName'
        yield conf.found(DEVICE, problem, fix)
    for key in given[1:]:
        problem = f"`{key}` does not say which device is moved, since `{given[0]}` is there"
        yield conf.found(common_rules.NO_EFFECT, problem, f"keep one of {', '.join(given)}", key)
    if given and not context.resource and "deviceID" not in context.capabilities:
        for key in dict.fromkeys([given[0], *(["pciBusID"] if "pciBusID" in given else [])]):
            yield from _malformed(conf, key)


def _malformed(conf: View, key: str) -> Iterator[Finding]:
    """HD3 to HD5, for the key that counts; and a PCI address is looked up beside any other (hasDpdkDriver)."""
    text = conf.text(key) or ""
    if key == "hwaddr" and not (
        addresses.is_ethernet_mac(text) or addresses.is_infiniband_guid(text) or len(text) in {12, 59}
    ):
        yield conf.found(
            DEVICE, f"`hwaddr` {text!r} is no MAC address", "write six bytes: 02:00:5e:10:00:01", key
        )
    elif key == "kernelpath" and not text.startswith("/sys/devices/"):
        problem = f"`kernelpath` {text!r} is not below /sys/devices/; the plugin refuses it"
        yield conf.found(
            DEVICE, problem, "write the device's path there: readlink -f /sys/class/net/eth1/device", key
        )
    elif key == "pciBusID" and not _PCI.fullmatch(text):
        problem = f"`pciBusID` {text!r} is no PCI address; the plugin does not find it, not even to delete"
        yield conf.found(DEVICE, problem, "write domain, bus, device and function: 0000:00:1f.6", key)


PLUGIN = Plugin(
    type="host-device",
    source="plugins/main/host-device/host-device.go",
    role=Role.MAIN,
    capabilities=frozenset({"deviceID"}),
    schema=schema_types.record(**dict.fromkeys(_SELECTORS, schema_types.TEXT), DPDKMode=schema_types.FLAG),
    check=check,
    rules=(DEVICE,),
    ipam=Ipam.OPTIONAL,
    aliases={
        "master": "device",
        "interface": "device",
        "link": "device",
        "dev": "device",
        "mac": "hwaddr",
        "pciAddress": "pciBusID",
        "deviceID": "pciBusID",
    },
    interface_key="device",
)
