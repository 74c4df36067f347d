"""ovs: a port of an Open vSwitch bridge (ovs-cni `pkg/types/types.go`, `pkg/common/common.go`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Severity

_TAG = schema_types.integer(0, 4095)


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of ovs."""
    yield from _bridge(config, context)
    yield from _vlan(config)
    if config.has("vlan") and config.items("trunk"):
        yield config.found(
            common_rules.NO_EFFECT,
            "`vlan` has no effect if `trunk` is set",
            "remove one of the two",
            "vlan",
        )
    yield from _trunk(config)
    mtu = config.integer("mtu")
    if mtu is not None and 0 < mtu < 68:
        yield from common_rules.mtu(config)


def _vlan(config: ConfigView) -> Iterator[Finding]:
    """The tag of an access port, which the schema of Open vSwitch's database limits (`vswitch.ovsschema`: Port, tag).

    The plugin passes it on unchecked (`ovsdb.go: createPortOperation`), but not together with a trunk, which a file of the node
    may add.
    """
    vlan = config.integer("vlan")
    if vlan is not None and vlan > _TAG["maximum"] and not config.items("trunk"):
        problem = (
            f"`vlan` is {vlan}; Open vSwitch refuses a tag of more than {_TAG['maximum']}, and ADD fails"
        )
        severity = Severity.WARN if config.has("configuration_path") else None
        yield config.found(
            common_rules.KEY_VALUE, problem, "write a VLAN ID from 1 to 4094", "vlan", severity=severity
        )


def _trunk(config: ConfigView) -> Iterator[Finding]:
    """The plugin merges the VLANs of all entries, and refuses a trunk without any (`common.go: SplitVlanIds`)."""
    entries = config.objects("trunk")
    has_vlan = any(_names_vlan(item) for item in entries)
    for item in config.items("trunk"):
        if item.node.value is None:
            yield item.found(common_rules.KEY_VALUE, "null in `trunk` crashes the ovs plugin", "remove it")
    for item in entries:
        low, high = item.integer("minID"), item.integer("maxID")
        if low is not None and high is not None and low > high:
            yield item.found(
                common_rules.KEY_VALUE,
                f"`minID` {low} is greater than `maxID` {high}",
                "swap the two",
                "minID",
            )
        elif not _names_vlan(item):
            half = item.has("minID") or item.has("maxID")
            why = ": a range needs `minID` and `maxID`, both at least 1" if half else ""
            problem = f"the entry of `trunk` contains no VLAN{why}; the ovs plugin {'ignores' if has_vlan else 'refuses'} it"
            fix = 'write {"id": 100} or {"minID": 100, "maxID": 200}'
            yield item.found(common_rules.NO_EFFECT if has_vlan else common_rules.KEY_NEEDED, problem, fix)


def _names_vlan(item: ConfigView) -> bool:
    """Whether the entry contains a VLAN or a range; a value of a wrong type counts, since the schema reports it."""
    ends = [item.integer(key) for key in ("minID", "maxID") if item.has(key)]
    return item.has("id") or None in ends or (len(ends) == 2 and 0 not in ends)


def _bridge(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The bridge, or a device or port that leads to it; a config file on the node may name it as well (`common.go`)."""
    args = config.object("args")
    cni = args.object("cni") if args else None
    by_device = context.has_resource or "deviceID" in context.capabilities or config.has("deviceID")
    by_port = cni is not None and cni.has("ovnPort")
    if not (config.value("bridge") or by_device or by_port or config.has("configuration_path")):
        problem = "neither `bridge` nor a device is set: the ovs plugin fails, unless the pod's cni-args name an OVN port"
        fix = 'add the Open vSwitch bridge: "bridge": "br1"'
        yield config.found(common_rules.KEY_NEEDED, problem, fix, severity=Severity.WARN)


PLUGIN = Plugin(
    type="ovs",
    source="ovs-cni pkg/types/types.go",
    role=Role.MAIN,
    schema=schema_types.object_of(
        bridge=schema_types.STRING,
        vlan=schema_types.UINT64,
        mtu=schema_types.INTEGER,
        trunk=schema_types.list_of(schema_types.vlan_range(_TAG)),
        deviceID=schema_types.STRING,
        ofport_request=schema_types.UINT64,
        interface_type=schema_types.STRING,
        configuration_path=schema_types.STRING,
        socket_file=schema_types.STRING,
        link_state_check_retries=schema_types.INTEGER,
        link_state_check_interval=schema_types.INTEGER,
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
