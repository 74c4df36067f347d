"""ipvlan: an interface that shares the MAC of a link of the node (ipvlan.go: NetConf, loadConf, cmdAdd)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins import ipam as addressing
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

SHARED_MAC = Rule(
    "ipvlan-shared-mac", Severity.WARN, "ipvlan with something that needs a MAC of the pod's own"
)


_MAKE_SEVERAL = {"bridge", "ptp"}
"""Main plugins whose result has the node's side of the pod's interface too."""


def check(conf: View, context: Context) -> Iterator[Finding]:
    """IV4, IV5, IV7, IV8."""
    yield from common_rules.link_name(conf, "master")
    if context.chained and context.main in _MAKE_SEVERAL and not conf.text("master"):
        problem = f"without `master`, ipvlan takes the one interface made before it, and {context.main} makes several: it fails"
        yield conf.found(
            common_rules.KEY_NEEDED, problem, 'name a link of the node: "master": "eth1"', "type"
        )
    yield from _dhcp(conf)
    if conf.given("mac"):
        problem = "ipvlan does not read `mac`: the pod has the MAC of the master"
        yield conf.found(SHARED_MAC, problem, "remove it, or use macvlan", "mac")
    ipam = conf.inner("ipam")
    if conf.text("mode") in {"l3", "l3s"}:
        for route in ipam.inners("routes") if ipam else ():
            if route.text("gw"):
                problem = f"in mode {conf.text('mode')} the master routes: `gw` is no next hop"
                yield route.found(common_rules.NO_EFFECT, problem, "remove `gw`", "gw")
    yield from common_rules.mtu(conf)
    yield from common_rules.mtu_for_ipv6(conf)


def _dhcp(conf: View) -> Iterator[Finding]:
    if addressing.ipam_type(conf) != "dhcp":
        return
    mode = conf.text("mode")
    if mode in {"l3", "l3s"}:
        problem = f"in mode {mode} no broadcast leaves the pod, so no DHCP server hears it"
        fix = "write mode l2, use macvlan, or another IPAM"
    else:
        problem = "all pods of a node share the master's MAC, so a DHCP server that goes by MAC gives them one address"
        fix = "use macvlan, another IPAM, or a server that goes by client identifiers"
    yield conf.found(SHARED_MAC, problem, fix, "ipam", "type")


PLUGIN = Plugin(
    type="ipvlan",
    source="plugins/main/ipvlan/ipvlan.go",
    role=Role.MAIN,
    capabilities=frozenset(),
    schema=schema_types.record(
        master=schema_types.TEXT,
        mode=schema_types.one_of("l2", "l3", "l3s"),
        mtu=schema_types.WHOLE,
        linkInContainer=schema_types.FLAG,
    ),
    check=check,
    rules=(SHARED_MAC,),
    ipam=Ipam.REQUIRED,
    aliases={**schema_types.ALIASES_OF_MASTER, "ipvlanMode": "mode"},
    interface_key="master",
    falls_back=True,
)
