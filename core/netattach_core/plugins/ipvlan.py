"""ipvlan: an interface that shares the MAC address of its master (`ipvlan.go: NetConf, loadConf, cmdAdd`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.ipam import ipam_type
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

SHARED_MAC = Rule(
    "ipvlan-shared-mac", Severity.WARN, "ipvlan with a setting that needs a MAC address for each pod"
)


_LIST_SEVERAL = {"bridge", "ptp"}
"""Main plugins whose result also lists interfaces of the node."""


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of ipvlan."""
    yield from common_rules.link_name(config, "master")
    if context.chained and context.first_type in _LIST_SEVERAL and not config.text("master"):
        problem = (
            f"without `master`, ipvlan uses the interface in the result of {context.first_type}, which lists several: "
            "it fails"
        )
        yield config.found(
            common_rules.KEY_NEEDED, problem, 'add an interface of the node: "master": "eth1"', "type"
        )
    yield from _dhcp(config)
    if config.has("mac"):
        problem = "ipvlan ignores `mac`: the pod has the MAC address of the master"
        yield config.found(SHARED_MAC, problem, "remove it, or use macvlan", "mac")
    ipam = config.object("ipam")
    if config.text("mode") in {"l3", "l3s"}:
        for route in ipam.objects("routes") if ipam else ():
            if route.text("gw"):
                problem = f"`gw` has no effect in mode {config.text('mode')}: the master routes the traffic"
                yield route.found(common_rules.NO_EFFECT, problem, "remove `gw`", "gw")
    yield from common_rules.mtu(config)
    yield from common_rules.mtu_for_ipv6(config)


def _dhcp(config: ConfigView) -> Iterator[Finding]:
    if ipam_type(config) != "dhcp":
        return
    mode = config.text("mode")
    if mode in {"l3", "l3s"}:
        problem = f"in mode {mode} broadcasts do not leave the pod, so that no DHCP server receives them"
        fix = "write mode l2, use macvlan, or use another IPAM plugin"
    else:
        problem = (
            "all pods on a node share the master's MAC address; a DHCP server that identifies clients by it assigns them "
            "the same address"
        )
        fix = "use macvlan, another IPAM plugin, or a server that identifies clients by the client identifier"
    yield config.found(SHARED_MAC, problem, fix, "ipam", "type")


PLUGIN = Plugin(
    type="ipvlan",
    source="plugins/main/ipvlan/ipvlan.go",
    role=Role.MAIN,
    capabilities=frozenset(),
    schema=schema_types.object_of(
        master=schema_types.STRING,
        mode=schema_types.with_meanings(
            schema_types.one_of("l2", "l3", "l3s"),
            {},
            dict.fromkeys(("bridge", "private", "vepa", "passthru"), "macvlan"),
        ),
        mtu=schema_types.INTEGER,
        linkInContainer=schema_types.BOOLEAN,
    ),
    check=check,
    rules=(SHARED_MAC,),
    ipam=Ipam.REQUIRED,
    aliases={**schema_types.MASTER_ALIASES, "ipvlanMode": "mode"},
    instead=schema_types.VLAN_INSTEAD,
    interface_key="master",
    uses_default_route_interface=True,
)
