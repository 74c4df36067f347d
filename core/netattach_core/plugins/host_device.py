"""host-device: a device of the node that is moved into the pod (`host-device.go: NetConf, loadConf, getLink`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.net import addresses
from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

DEVICE = Rule("host-device-device", Severity.DENY, "no device, or an invalid selector for it")

_SELECTORS = ("device", "hwaddr", "kernelpath", "pciBusID")
"""In the plugin's order of precedence: the first one decides (`host-device.go: getLink`)."""


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of host-device."""
    yield from common_rules.link_name(config, "device")
    selectors = [key for key in _SELECTORS if config.has(key) and config.value(key) != ""]
    if not selectors and not context.has_resource and "deviceID" not in context.capabilities:
        problem = (
            "no device is selected: none of `device`, `hwaddr`, `kernelpath` and `pciBusID` is set, and the NAD names no "
            "resource of a device plugin"
        )
        fix = 'add "device": "eth1", or annotate the NAD with k8s.v1.cni.cncf.io/resourceName'
        yield config.found(DEVICE, problem, fix)
    for key in selectors[1:]:
        problem = f"`{key}` does not select the device, since `{selectors[0]}` takes precedence"
        yield config.found(common_rules.NO_EFFECT, problem, f"keep one of {', '.join(selectors)}", key)
    if selectors and not context.has_resource and "deviceID" not in context.capabilities:
        for key in dict.fromkeys([selectors[0], *(["pciBusID"] if "pciBusID" in selectors else [])]):
            yield from _malformed(config, key)


def _malformed(config: ConfigView, key: str) -> Iterator[Finding]:
    """The selector in force; the plugin looks up a PCI address in any case (`host-device.go: hasDpdkDriver`)."""
    text = config.text(key) or ""
    if key == "hwaddr" and not (
        addresses.is_ethernet_mac(text) or addresses.is_infiniband_guid(text) or len(text) in {12, 59}
    ):
        yield config.found(
            DEVICE,
            f"`hwaddr` {text!r} is not a valid MAC address",
            "write six bytes, for example 02:00:5e:10:00:01",
            key,
        )
    elif key == "kernelpath" and not text.startswith("/sys/devices/"):
        problem = (
            f"`kernelpath` {text!r} is not a path below /sys/devices/; the host-device plugin refuses it"
        )
        yield config.found(
            DEVICE, problem, "write the output of `readlink -f /sys/class/net/eth1/device`", key
        )
    elif key == "pciBusID" and not common_rules.is_pci_address(text):
        problem = f"`pciBusID` {text!r} is not a PCI address; the host-device plugin fails, also when the pod is deleted"
        yield config.found(DEVICE, problem, "write domain, bus, device and function: 0000:00:1f.6", key)


PLUGIN = Plugin(
    type="host-device",
    source="plugins/main/host-device/host-device.go",
    role=Role.MAIN,
    capabilities=frozenset({"deviceID"}),
    schema=schema_types.object_of(
        **dict.fromkeys(_SELECTORS, schema_types.STRING), DPDKMode=schema_types.BOOLEAN
    ),
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
