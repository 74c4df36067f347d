"""sriov: a virtual function that the device plugin has handed out (sriov-cni pkg/config/config.go: LoadConf)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

NO_DEVICE = Rule("device-missing", Severity.DENY, "no device, and no resource that would supply one")

_PROTOCOLS = ("802.1q", "802.1ad")


def device_given(conf: View, context: Context, plugin: str) -> Iterator[Finding]:
    """SR1: the device plugin hands out a device only for a resource that the NAD names."""
    if not (conf.text("deviceID") or context.resource or "deviceID" in context.capabilities):
        problem = f"the NAD names no resource and the configuration no `deviceID`: {plugin} is given no device and fails"
        fix = (
            "annotate the NAD with k8s.v1.cni.cncf.io/resourceName, the resource of the device plugin; where a DRA driver reads "
            f"this NAD and adds the device, set the rule {NO_DEVICE.id} to warn in netattach-config"
        )
        yield conf.found(NO_DEVICE, problem, fix)


def check(conf: View, context: Context) -> Iterator[Finding]:
    """SR1, SR3 to SR9."""
    yield from device_given(conf, context, "sriov")
    yield from _vlan(conf)
    yield from _rates(conf)
    yield from common_rules.mac(conf, "mac")
    for key in ("spoofchk", "trust"):
        text = conf.text(key)
        if text and text not in {"on", "off"}:
            problem = f"`{key}` {text!r} is taken for off"
            yield conf.found(common_rules.NO_EFFECT, problem, "write on or off", key)


def _vlan(conf: View) -> Iterator[Finding]:
    """SR3 to SR5."""
    vlan, quality, protocol = conf.whole("vlan"), conf.whole("vlanQoS"), conf.text("vlanProto")
    if not conf.given("vlan"):
        for key in ("vlanQoS", "vlanProto"):
            if conf.given(key):
                problem = f"`{key}` without `vlan`; the sriov plugin refuses it"
                yield conf.found(common_rules.KEY_NEEDED, problem, f"add `vlan`, or remove `{key}`", key)
        return
    if protocol is not None and protocol.lower() not in _PROTOCOLS:
        problem = f"`vlanProto` {protocol!r} is not one of {', '.join(_PROTOCOLS)}"
        yield conf.found(common_rules.KEY_VALUE, problem, "write 802.1q, or leave it out", "vlanProto")
    if vlan == 0 and quality:
        problem = f"`vlanQoS` is {quality} and `vlan` 0, which means no VLAN; the sriov plugin refuses it"
        yield conf.found(
            common_rules.KEY_VALUE, problem, "write a `vlan` from 1 to 4094, or remove `vlanQoS`", "vlanQoS"
        )
    if vlan == 0 and protocol and protocol.lower() == "802.1ad":
        problem = "`vlanProto` is 802.1ad and `vlan` 0, which means no VLAN; the sriov plugin refuses it"
        yield conf.found(
            common_rules.KEY_VALUE,
            problem,
            "write a `vlan` from 1 to 4094, or remove `vlanProto`",
            "vlanProto",
        )


def _rates(conf: View) -> Iterator[Finding]:
    """SR8."""
    low, high = conf.whole("min_tx_rate"), conf.whole("max_tx_rate")
    if low and high and low > high:
        problem = f"`min_tx_rate` {low} is above `max_tx_rate` {high}; drivers refuse that"
        yield conf.found(common_rules.NO_EFFECT, problem, "exchange the two", "min_tx_rate")


PLUGIN = Plugin(
    type="sriov",
    source="sriov-cni pkg/config/config.go",
    role=Role.MAIN,
    capabilities=frozenset({"mac", "deviceID"}),
    schema=schema_types.record(
        deviceID=schema_types.TEXT,
        vlan=schema_types.VLAN,
        vlanQoS=schema_types.whole(0, 7),
        vlanProto=schema_types.TEXT,
        mac=schema_types.TEXT,
        mtu=schema_types.WHOLE,
        spoofchk={"type": "string", "fix": 'write "on" or "off"'},
        trust={"type": "string", "fix": 'write "on" or "off"'},
        link_state=schema_types.one_of("auto", "enable", "disable"),
        min_tx_rate=schema_types.WHOLE,
        max_tx_rate=schema_types.WHOLE,
        logLevel=schema_types.TEXT,
        logFile=schema_types.TEXT,
        vf=schema_types.ANYTHING,
        master=schema_types.ANYTHING,
    ),
    check=check,
    rules=(NO_DEVICE,),
    ipam=Ipam.OPTIONAL,
    aliases={"vlan_id": "vlan", "vlanId": "vlan", "vlanQos": "vlanQoS"},
)
