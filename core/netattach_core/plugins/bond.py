"""bond: several interfaces of the pod combined into one (bond-cni `bond/bond.go: bondingConfig, loadConfigFile`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.ipam import ipam_type
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

BOND_LINKS = Rule("bond-links", Severity.DENY, "a bond with fewer than two links, or with duplicate links")

_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
_HASHES = ("layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac")

_MODES_BY_NUMBER = {str(number): mode for number, mode in enumerate(_MODES)}
_MEANT = {
    **_MODES_BY_NUMBER,
    **{mode.removeprefix("balance-"): mode for mode in _MODES if mode.startswith("balance-")},
    "round-robin": "balance-rr",
    "lacp": "802.3ad",
    "active-passive": "active-backup",
}
"""The kernel's numbers of the modes (Linux `bonding.rst`), and names that other tools have for them."""

_LINK = schema_types.with_example(
    schema_types.from_text(
        schema_types.case_sensitive(
            schema_types.with_aliases(
                schema_types.object_of(name=schema_types.STRING), interface="name", device="name"
            )
        ),
        "name",
    ),
    '{"name": "net1"}',
)


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of bond (`bond.go: validateConfig` and `bond/util/validation.go`)."""
    yield from _mode(config)
    yield from _miimon(config)
    yield from _links(config)
    yield from _duplicate_links(config)
    yield from common_rules.mtu(config, negative="the bond plugin refuses it")
    if ipam_type(config) == "bond":
        yield config.found(
            common_rules.KEY_VALUE,
            "`bond` is not an IPAM plugin; the bond plugin refuses it",
            "write the name of an IPAM plugin",
            "ipam",
            "type",
        )


def _mode(config: ConfigView) -> Iterator[Finding]:
    """The bonding mode and what depends on it. There are no defaults: an empty string is not a valid mode or policy."""
    where = ("mode",) if config.has("mode") else ()
    if _is_empty(config.value("mode")):
        problem = "`mode` is missing or empty; the bond plugin has no default and refuses the config"
        yield config.found(common_rules.KEY_NEEDED, problem, f"write one of {', '.join(_MODES)}", *where)
    elif config.has("tlbDynamicLb") and config.text("mode") not in {"balance-tlb", "balance-alb"}:
        problem = "the bond plugin supports `tlbDynamicLb` only in the modes balance-tlb and balance-alb"
        yield config.found(
            common_rules.KEYS_EXCLUDE, problem, "remove it, or write another `mode`", "tlbDynamicLb"
        )
    if config.text("xmitHashPolicy") == "":
        problem = "`xmitHashPolicy` is empty; the bond plugin refuses it"
        fix = f"remove it, or write one of {', '.join(_HASHES)}"
        yield config.found(common_rules.KEY_VALUE, problem, fix, "xmitHashPolicy")


def _miimon(config: ConfigView) -> Iterator[Finding]:
    """The interval of the link checks, which has to be a string that contains an integer."""
    miimon = config.text("miimon")
    if not config.has("miimon"):
        problem = "`miimon` is missing; the bond plugin refuses the config"
        yield config.found(
            common_rules.KEY_NEEDED,
            problem,
            'add the interval of the link checks in milliseconds, as a string: "miimon": "100"',
        )
    elif miimon is not None and not re.fullmatch(r"[+-]?[0-9]+", miimon):
        yield config.found(
            common_rules.KEY_VALUE,
            f"`miimon` {miimon!r} is not an integer",
            'write milliseconds, for example "100"',
            "miimon",
        )


def _links(config: ConfigView) -> Iterator[Finding]:
    """Two or more links, each with a name."""
    if not config.has("links") or (
        0 <= len(config.items("links")) < 2 and isinstance(config.value("links"), list)
    ):
        where = ("links",) if config.has("links") else ()
        problem = "a bond needs at least two `links`; the bond plugin refuses fewer"
        yield config.found(
            BOND_LINKS,
            problem,
            'write the names of the interfaces: "links": [{"name": "net1"}, {"name": "net2"}]',
            *where,
        )
    for link in config.objects("links"):
        if _is_empty(link.value("name")):
            problem = "the link has no `name`; the bond plugin cannot find it and fails"
            yield link.found(
                common_rules.KEY_NEEDED, problem, 'add the name of the interface: {"name": "net1"}'
            )


def _is_empty(value: Any) -> bool:
    """Whether the value is missing or an empty string; the schema reports a wrong type."""
    return value is None or value == ""


def _duplicate_links(config: ConfigView) -> Iterator[Finding]:
    """The plugin does not find a link a second time after it moved it into the pod; one already in the pod it adds twice."""
    seen = set[str]()
    for link in config.objects("links"):
        name = link.text("name") or ""
        if name and name in seen:
            in_pod = config.flag("linksInContainer")
            outcome = (
                "the bond uses it only once" if in_pod else "the bond plugin does not find it again and fails"
            )
            problem = f"duplicate link {name}: {outcome}"
            severity = Severity.WARN if in_pod else None
            yield link.found(
                BOND_LINKS, problem, "write the name of another interface", "name", severity=severity
            )
        seen.add(name)


PLUGIN = Plugin(
    type="bond",
    source="bond-cni bond/bond.go",
    role=Role.MAIN,
    schema=schema_types.object_of(
        mode=schema_types.with_meanings({"type": "string", "enum": [*_MODES, ""]}, _MEANT),
        miimon={"type": "string", "fix": 'write it in quotes: "miimon": "100"'},
        links=schema_types.list_of(_LINK),
        linksInContainer=schema_types.BOOLEAN,
        failOverMac=schema_types.integer(0, 2),
        allSlavesActive=schema_types.integer(0, 1),
        tlbDynamicLb=schema_types.integer(0, 1),
        xmitHashPolicy={"type": "string", "enum": [*_HASHES, ""]},
        mtu=schema_types.INTEGER,
        ifname=schema_types.ANYTHING,
        args=schema_types.ANYTHING,
    ),
    check=check,
    rules=(BOND_LINKS,),
    aliases={"slaves": "links"},
    ipam=Ipam.OPTIONAL,
)
