"""Keys with which portmap and firewall change what the node's firewall does to others.

portmap hands its conditions to iptables as arguments (`portmap_iptables.go: fillDnatRules`), where `--modprobe=` names the
command that iptables runs as root to load a module; with nftables they become lines of a script, in a chain that all pods share
(`portmap_nftables.go`).
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Sequence
from typing import Any

from netattach_core.net.names import shown
from netattach_core.policy import members
from netattach_core.policy.case import Findings, NetworkCase, PluginCase, ask, rule
from netattach_core.text.finding import Finding

FIREWALL = rule("policy-host-firewall", "a key that changes the node's firewall for others")

RULES = (FIREWALL,)

_INGRESS_POLICY = "ingresspolicy"
_CONDITIONS = frozenset({"conditionsv4", "conditionsv6"})
_MARK_CHAIN, _MARK, _ADMIN_CHAIN = "externalsetmarkchain", "markmasqbit", "iptablesadminchainname"
_KEYS = _CONDITIONS | {_MARK_CHAIN, _MARK, _ADMIN_CHAIN}
"""In lower case."""

_ADDRESS = frozenset({"-s", "--source", "--src", "-d", "--destination", "--dst"})
_INTERFACE = frozenset({"-i", "--in-interface"})
_INTERFACE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}\+?")
_CHAINS = frozenset({"CNI-ADMIN", ""})
_MARK_CHAINS = frozenset({"KUBE-MARK-MASQ", "CNI-HOSTPORT-SETMARK"})
_MARK_BIT = 13
"""portmap's default; its chains for marks are those of all pods, so another bit marks everybody's packets (`genSetMarkChain`)."""
_OPEN = ("open", "")
_HOST_SIDE_FIRST = frozenset({"bridge", "ptp"})
"""Plugins that report the interface on the node first; its name is the network's, or random."""


def check_network(case: NetworkCase) -> Findings:
    """Conditions that are more than addresses and interfaces, chains and marks of others, and an ingress policy without a bridge.

    Whatever plugin has the keys, and at any depth, since a plugin may delegate to portmap.
    """
    for plugin in case.plugins:
        yield from _ingress_policy(plugin)
        for value in plugin.values if not _KEYS.isdisjoint(plugin.keys) else ():
            is_member = value.path[-1:] != () and isinstance(value.path[-1], str)
            why = _problem(value.key, value.node.value) if is_member else None
            if why is not None:
                yield _found(case, value, why)


def _found(case: NetworkCase, value: members.Value, why: str) -> Finding:
    key = next((part for part in reversed(value.path) if isinstance(part, str)), "")
    wish = "give the namespace the level privileged under policy.namespaces"
    return Finding(
        FIREWALL,
        value.path,
        f"`{shown(key)}` {why}",
        f"remove it, or {ask(case.policy, wish)}",
        value.node.start,
    )


def _problem(key: str, value: Any) -> str | None:
    """Why a value changes the node's firewall for others, to continue "`key` …"; None where it does not."""
    if value is None:
        return None
    if key in _CONDITIONS and isinstance(value, list) and not are_plain(value):
        return "is more than matches of addresses and interfaces (-s, -d, -i), and iptables runs it as root"
    if key == _MARK_CHAIN and _text(value) not in _MARK_CHAINS:
        return (
            f"is not the chain that marks packets for masquerading, so packets go to {shown(_text(value))!r}"
        )
    if key == _MARK and value != _MARK_BIT:
        return f"is not {_MARK_BIT}: portmap marks the packets of all pods with it"
    if key == _ADMIN_CHAIN and _text(value) not in _CHAINS:
        return f"is not CNI-ADMIN: all packets that the node forwards would go to {shown(_text(value))!r}"
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def are_plain(conditions: Sequence[Any]) -> bool:
    """Whether arguments of iptables are only matches of addresses and interfaces, each perhaps after `!`."""
    rest = list(conditions)
    while rest:
        if rest[0] == "!":
            del rest[0]
        if len(rest) < 2 or not _is_match(*rest[:2]):
            return False
        del rest[:2]
    return True


def _is_match(option: Any, value: Any) -> bool:
    if not isinstance(option, str) or not isinstance(value, str):
        return False
    if option in _INTERFACE:
        return _INTERFACE_NAME.fullmatch(value) is not None
    return option in _ADDRESS and _is_network(value)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "%" not in text


def _ingress_policy(plugin: PluginCase) -> Findings:
    """firewall takes the first interface of the result for the bridge (`ingresspolicy.go`); without one, that is the pod's own.

    Its name is the pod's choice, and the rules drop what the node forwards from an interface of that name: `cni0`, say.
    """
    context = plugin.entry.context
    if context.first_type in _HOST_SIDE_FIRST and context.chained:
        return
    for part in plugin.parts if _INGRESS_POLICY in plugin.keys else ():
        for path, _, node in part.values(_INGRESS_POLICY) if part.type == "firewall" else ():
            if node.value not in _OPEN:
                problem = f"`ingressPolicy` {_text(node.value)} without a bridge restricts any interface"
                problem += " of the node that has the name of the pod's"
                fix = "put it into a chain that begins with bridge, or remove it"
                yield Finding(FIREWALL, path, problem, fix, node.start)
