"""ovs: a port of an Open vSwitch bridge (ovs-cni pkg/types/types.go, pkg/common/common.go)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Severity

_VLAN_ID = schema_types.whole(0, 4095)


def check(conf: View, context: Context) -> Iterator[Finding]:
    """OV1 to OV4, OV7."""
    yield from _bridge(conf, context)
    vlan = conf.whole("vlan")
    if vlan is not None and vlan > 4095:
        problem = f"`vlan` is {vlan}; Open vSwitch refuses more than 4095"
        yield conf.found(common_rules.NO_EFFECT, problem, "write 1 to 4094", "vlan")
    if conf.given("vlan") and conf.items("trunk"):
        yield conf.found(
            common_rules.NO_EFFECT,
            "`vlan` is not read where `trunk` is there",
            "remove one of the two",
            "vlan",
        )
    yield from _trunk(conf)
    mtu = conf.whole("mtu")
    if mtu is not None and 0 < mtu < 68:
        yield from common_rules.mtu(conf)


def _trunk(conf: View) -> Iterator[Finding]:
    """OV4. The plugin puts the VLANs of all entries together, and refuses a trunk without any (common.go: SplitVlanIds)."""
    entries = conf.inners("trunk")
    some = any(_names_vlan(item) for item in entries)
    for item in conf.items("trunk"):
        if item.node.value is None:
            yield item.found(
                common_rules.KEY_VALUE, "null in `trunk` makes the ovs plugin crash", "remove it"
            )
    for item in entries:
        low, high = item.whole("minID"), item.whole("maxID")
        if low is not None and high is not None and low > high:
            yield item.found(
                common_rules.KEY_VALUE, f"`minID` {low} is above `maxID` {high}", "exchange the two", "minID"
            )
        elif not _names_vlan(item):
            half = item.given("minID") or item.given("maxID")
            why = ": a range needs both its ends, and begins at 1" if half else ""
            problem = f"an entry of `trunk` without a VLAN{why}; the ovs plugin {'passes over' if some else 'refuses'} it"
            fix = 'write {"id": 100}, or {"minID": 100, "maxID": 200}'
            yield item.found(common_rules.NO_EFFECT if some else common_rules.KEY_NEEDED, problem, fix)


def _names_vlan(item: View) -> bool:
    """What is no number counts as one, since the schema has spoken of it."""
    ends = [item.whole(key) for key in ("minID", "maxID") if item.given(key)]
    return item.given("id") or None in ends or (len(ends) == 2 and 0 not in ends)


def _bridge(conf: View, context: Context) -> Iterator[Finding]:
    """OV1: the bridge, or a port from which the plugin finds it. A configuration file may hold it as well."""
    args = conf.inner("args")
    cni = args.inner("cni") if args else None
    by_device = context.resource or "deviceID" in context.capabilities or conf.given("deviceID")
    by_port = cni is not None and cni.given("ovnPort")
    if not (conf.value("bridge") or by_device or by_port or conf.given("configuration_path")):
        problem = "no `bridge`, and no device that would lead to one: the ovs plugin fails, unless the pod's cni-args name a port"
        fix = 'add the Open vSwitch bridge: "bridge": "br1"'
        yield conf.found(common_rules.KEY_NEEDED, problem, fix, severity=Severity.WARN)


PLUGIN = Plugin(
    type="ovs",
    source="ovs-cni pkg/types/types.go",
    role=Role.MAIN,
    schema=schema_types.record(
        bridge=schema_types.TEXT,
        vlan=schema_types.UINT,
        mtu=schema_types.WHOLE,
        trunk=schema_types.list_of(
            schema_types.spelt(
                {"type": ["object", "null"], "properties": dict.fromkeys(("id", "minID", "maxID"), _VLAN_ID)},
                min="minID",
                max="maxID",
            )
        ),
        deviceID=schema_types.TEXT,
        ofport_request=schema_types.UINT,
        interface_type=schema_types.TEXT,
        configuration_path=schema_types.TEXT,
        socket_file=schema_types.TEXT,
        link_state_check_retries=schema_types.WHOLE,
        link_state_check_interval=schema_types.WHOLE,
        ovnPort=schema_types.ANYTHING,
    ),
    check=check,
    ipam=Ipam.OPTIONAL,
    aliases={
        "vlanId": "vlan",
        "tag": "vlan",
        "br": "bridge",
        "bridgeName": "bridge",
        "vlanTrunk": "trunk",
        "trunks": "trunk",
    },
)
