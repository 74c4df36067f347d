"""bond: several interfaces of the pod as one (bond-cni bond/bond.go: bondingConfig, loadConfigFile)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins import ipam as addressing
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

BOND_LINKS = Rule("bond-links", Severity.DENY, "fewer than two links for a bond, or one of them twice")

_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
_HASHES = ("layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac")

_LINK = schema_types.exactly(
    schema_types.spelt(schema_types.record(name=schema_types.TEXT), interface="name", device="name")
)


def check(conf: View, context: Context) -> Iterator[Finding]:
    """BO1 to BO3, BO5, BO7."""
    yield from _mode(conf)
    yield from _miimon(conf)
    yield from _links(conf)
    yield from _same_links(conf)
    yield from common_rules.mtu(conf, negative="the bond plugin refuses it")
    if addressing.ipam_type(conf) == "bond":
        yield conf.found(
            common_rules.KEY_VALUE,
            "`bond` is no IPAM; the bond plugin refuses it",
            "name an IPAM",
            "ipam",
            "type",
        )


def _mode(conf: View) -> Iterator[Finding]:
    """BO1, BO5. The empty text is none of the modes and policies, and stands for no default."""
    where = ("mode",) if conf.given("mode") else ()
    if _is_empty(conf.value("mode")):
        problem = "no `mode`; the bond plugin has no default for it, and refuses a bond without"
        yield conf.found(common_rules.KEY_NEEDED, problem, f"write one of {', '.join(_MODES)}", *where)
    elif conf.given("tlbDynamicLb") and conf.text("mode") not in {"balance-tlb", "balance-alb"}:
        problem = "`tlbDynamicLb` is for the modes balance-tlb and balance-alb; the bond plugin refuses it in others"
        yield conf.found(
            common_rules.KEYS_EXCLUDE, problem, "remove it, or write another `mode`", "tlbDynamicLb"
        )
    if conf.text("xmitHashPolicy") == "":
        problem = "`xmitHashPolicy` is empty; the bond plugin refuses it"
        fix = f"remove it, or write one of {', '.join(_HASHES)}"
        yield conf.found(common_rules.KEY_VALUE, problem, fix, "xmitHashPolicy")


def _miimon(conf: View) -> Iterator[Finding]:
    """BO2."""
    miimon = conf.text("miimon")
    if not conf.given("miimon"):
        problem = "no `miimon`; the bond plugin cannot read its configuration without"
        yield conf.found(
            common_rules.KEY_NEEDED,
            problem,
            'add the interval of link checks in ms, as a text: "miimon": "100"',
        )
    elif miimon is not None and not re.fullmatch(r"[+-]?[0-9]+", miimon):
        yield conf.found(
            common_rules.KEY_VALUE, f"`miimon` {miimon!r} is no number", 'write milliseconds: "100"', "miimon"
        )


def _links(conf: View) -> Iterator[Finding]:
    """BO3."""
    if not conf.given("links") or (
        0 <= len(conf.items("links")) < 2 and isinstance(conf.value("links"), list)
    ):
        where = ("links",) if conf.given("links") else ()
        problem = "a bond needs at least two links, and the bond plugin refuses fewer"
        yield conf.found(
            BOND_LINKS, problem, 'name them: "links": [{"name": "net1"}, {"name": "net2"}]', *where
        )
    for link in conf.inners("links"):
        if _is_empty(link.value("name")):
            problem = "a link without `name`; the bond plugin does not find it, and fails"
            yield link.found(common_rules.KEY_NEEDED, problem, 'name the interface: {"name": "net1"}')


def _is_empty(value: Any) -> bool:
    """Not of a wrong type, of which the schema has spoken."""
    return value is None or value == ""


def _same_links(conf: View) -> Iterator[Finding]:
    """The plugin does not find a link again that it has moved into the pod; one that is there already it adds again."""
    seen = set[str]()
    for link in conf.inners("links"):
        name = link.text("name") or ""
        if name and name in seen:
            stays = conf.flag("linksInContainer")
            outcome = (
                "it is one link to the bond" if stays else "the bond plugin does not find it again, and fails"
            )
            problem = f"the link {name} stands here twice: {outcome}"
            severity = Severity.WARN if stays else None
            yield link.found(BOND_LINKS, problem, "name another one", "name", severity=severity)
        seen.add(name)


PLUGIN = Plugin(
    type="bond",
    source="bond-cni bond/bond.go",
    role=Role.MAIN,
    schema=schema_types.record(
        mode={"type": "string", "enum": [*_MODES, ""]},
        miimon={"type": "string", "fix": 'write it in quotes: "miimon": "100"'},
        links=schema_types.list_of(_LINK),
        linksInContainer=schema_types.FLAG,
        failOverMac=schema_types.whole(0, 2),
        allSlavesActive=schema_types.whole(0, 1),
        tlbDynamicLb=schema_types.whole(0, 1),
        xmitHashPolicy={"type": "string", "enum": [*_HASHES, ""]},
        mtu=schema_types.WHOLE,
        ifname=schema_types.ANYTHING,
        args=schema_types.ANYTHING,
    ),
    check=check,
    rules=(BOND_LINKS,),
    aliases={"slaves": "links"},
    ipam=Ipam.OPTIONAL,
)
