"""sriov: a virtual function that a device plugin allocated (sriov-cni `pkg/config/config.go: LoadConf`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

NO_DEVICE = Rule("device-missing", Severity.DENY, "neither a device nor a device plugin's resource")

_PROTOCOLS = ("802.1q", "802.1ad")


def require_device(config: ConfigView, context: Context, plugin: str) -> Iterator[Finding]:
    """A device plugin allocates a device only for the resource that the NAD names."""
    if not (config.text("deviceID") or context.has_resource or "deviceID" in context.capabilities):
        problem = (
            f"the NAD names no resource and the config has no `deviceID`: {plugin} gets no device and fails"
        )
        fix = (
            "annotate the NAD with k8s.v1.cni.cncf.io/resourceName, the resource of the device plugin; if a DRA driver reads "
            f"this NAD and adds the device, set the rule {NO_DEVICE.id} to warn in netattach-config"
        )
        yield config.found(NO_DEVICE, problem, fix)


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of sriov."""
    yield from require_device(config, context, "sriov")
    yield from common_rules.pci_address(config, context, "sriov")
    yield from _vlan(config)
    yield from _rates(config)
    yield from common_rules.mac(config, "mac")
    for key in ("spoofchk", "trust"):
        text = config.text(key)
        if text and text not in {"on", "off"}:
            problem = f"`{key}` {text!r} means off"
            yield config.found(common_rules.NO_EFFECT, problem, "write on or off", key)


def _vlan(config: ConfigView) -> Iterator[Finding]:
    """The VLAN and the keys that depend on it."""
    vlan, quality, protocol = config.integer("vlan"), config.integer("vlanQoS"), config.text("vlanProto")
    if not config.has("vlan"):
        for key in ("vlanQoS", "vlanProto"):
            if config.has(key):
                problem = f"`{key}` without `vlan`; the sriov plugin refuses it"
                yield config.found(common_rules.KEY_NEEDED, problem, f"add `vlan`, or remove `{key}`", key)
        return
    if protocol is not None and protocol.lower() not in _PROTOCOLS:
        problem = f"`vlanProto` {protocol!r} is not supported"
        fix = f"write {' or '.join(_PROTOCOLS)}, or remove it"
        yield config.found(common_rules.KEY_VALUE, problem, fix, "vlanProto")
    if vlan == 0 and quality:
        problem = f"`vlanQoS` is {quality}, but `vlan` is 0, which means no VLAN; the sriov plugin refuses it"
        yield config.found(
            common_rules.KEY_VALUE, problem, "write a `vlan` from 1 to 4094, or remove `vlanQoS`", "vlanQoS"
        )
    if vlan == 0 and protocol and protocol.lower() == "802.1ad":
        problem = "`vlanProto` is 802.1ad, but `vlan` is 0, which means no VLAN; the sriov plugin refuses it"
        yield config.found(
            common_rules.KEY_VALUE,
            problem,
            "write a `vlan` from 1 to 4094, or remove `vlanProto`",
            "vlanProto",
        )


def _rates(config: ConfigView) -> Iterator[Finding]:
    """The limits of the transmit rate."""
    low, high = config.integer("min_tx_rate"), config.integer("max_tx_rate")
    if low and high and low > high:
        problem = f"`min_tx_rate` {low} is greater than `max_tx_rate` {high}; drivers refuse it"
        yield config.found(common_rules.NO_EFFECT, problem, "swap the two", "min_tx_rate")


PLUGIN = Plugin(
    type="sriov",
    source="sriov-cni pkg/config/config.go",
    role=Role.MAIN,
    capabilities=frozenset({"mac", "deviceID"}),
    schema=schema_types.object_of(
        deviceID=schema_types.STRING,
        vlan=schema_types.VLAN_ID,
        vlanQoS=schema_types.integer(0, 7),
        vlanProto=schema_types.STRING,
        mac=schema_types.STRING,
        mtu=schema_types.INTEGER,
        spoofchk={"type": "string", "fix": 'write "on" or "off"'},
        trust={"type": "string", "fix": 'write "on" or "off"'},
        link_state=schema_types.one_of("auto", "enable", "disable"),
        min_tx_rate=schema_types.INTEGER,
        max_tx_rate=schema_types.INTEGER,
        logLevel=schema_types.STRING,
        logFile=schema_types.STRING,
        vf=schema_types.ANYTHING,
        master=schema_types.ANYTHING,
    ),
    check=check,
    rules=(NO_DEVICE,),
    ipam=Ipam.OPTIONAL,
    aliases={"vlan_id": "vlan", "vlanId": "vlan", "vlanQos": "vlanQoS"},
)
