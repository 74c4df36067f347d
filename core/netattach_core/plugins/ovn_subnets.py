"""The subnets of OVN-Kubernetes' networks (go-controller/pkg/config/utils.go: ParseClusterSubnetEntriesWithDefaults).

Which of the lists is read depends on the topology (pkg/util/multi_network.go: newLayer3NetConfInfo and its like).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from netattach_core.net import addresses
from netattach_core.plugins import common_rules
from netattach_core.plugins import ipam as addressing
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

SUBNETS = Rule("ovn-subnets", Severity.DENY, "subnets that OVN-Kubernetes cannot read")

RESERVED = ("reservedSubnets", "infrastructureSubnets")
"""Read since 1.2, where the feature of addresses known beforehand is switched on."""

LISTS = ("subnets", "excludeSubnets", *RESERVED, "joinSubnet")

_IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOSTS_V4, _HOSTS_V6 = 24, 64
"""Prefix lengths of the part that each node gets, where none is given. For IPv6 there is no other."""


def check(conf: View) -> Iterator[Finding]:
    """ON5, ON6."""
    topology = conf.text("topology")
    layer3 = topology == "layer3"
    yield from _unreadable(conf, "subnets", host_length=layer3)
    if layer3:
        yield from _host_lengths(conf)
        if conf.text("excludeSubnets"):
            problem = "`excludeSubnets` is not read in topology layer3"
            yield conf.found(
                common_rules.NO_EFFECT, problem, "remove it, or write smaller `subnets`", "excludeSubnets"
            )
    else:
        yield from _unreadable(conf, "excludeSubnets")
        yield from _outside(conf, "excludeSubnets")
    if topology == "layer2":
        for key in RESERVED:
            yield from _unreadable(conf, key, severity=Severity.WARN)
            yield from _outside(conf, key, severity=Severity.WARN)
    if topology != "localnet":
        yield from _unreadable(conf, "joinSubnet")


def _unreadable(
    conf: View, key: str, *, host_length: bool = False, severity: Severity | None = None
) -> Iterator[Finding]:
    for part in _parts(conf, key):
        if _cidr(part, host_length=host_length) is None:
            shape = "10.1.0.0/16/24" if host_length else "10.1.0.0/16"
            problem = f"`{key}` holds {part!r}, which OVN-Kubernetes cannot read"
            yield conf.found(SUBNETS, problem, f"write it as {shape}", key, severity=severity)


def _outside(conf: View, key: str, *, severity: Severity | None = None) -> Iterator[Finding]:
    """Without `subnets` nothing is inside of them either."""
    subnets = [_cidr(part) for part in _parts(conf, "subnets")]
    if None in subnets or (conf.given("subnets") and conf.text("subnets") is None):
        return
    inside = addressing.Networks(net for net in subnets if net)
    for part in _parts(conf, key):
        net = _cidr(part)
        if net and not inside.hold(net):
            where = "is in none of `subnets`" if subnets else "stands there without `subnets`"
            problem = f"`{key}` {net} {where}; OVN-Kubernetes refuses it"
            yield conf.found(
                SUBNETS, problem, "write a part of `subnets`, or remove it", key, severity=severity
            )


def _host_lengths(conf: View) -> Iterator[Finding]:
    """ON5: each node gets a part of a subnet."""
    lengths = set[int]()
    for part in _parts(conf, "subnets"):
        net = _cidr(part, host_length=True)
        if net is None:
            continue
        length, why = _host_length(part), ""
        if length is None:
            length, why = _HOSTS_V4 if net.version == 4 else _HOSTS_V6, ", since it does not say another"
        said = f"nodes get a /{length}{why}"
        if net.version == 6 and length != _HOSTS_V6:
            problem = f"`subnets` holds {part}: {said}, and OVN-Kubernetes takes /{_HOSTS_V6} alone for IPv6"
            yield conf.found(SUBNETS, problem, f"write {net}/{_HOSTS_V6}", "subnets")
        elif length > net.max_prefixlen or length <= net.prefixlen:
            problem = f"`subnets` holds {part}: {said}, which is no part of {net}; OVN-Kubernetes refuses it"
            fix = f"write the prefix length of each node's part behind it, from {net.prefixlen + 1} on, or a larger subnet"
            yield conf.found(SUBNETS, problem, fix, "subnets")
        elif net.version == 4:
            lengths.add(length)
    if len(lengths) > 1:
        named = " and ".join(f"/{length}" for length in sorted(lengths))
        problem = (
            f"nodes get {named} of the IPv4 `subnets`; OVN-Kubernetes 1.2 and newer refuse different lengths"
        )
        yield conf.found(
            SUBNETS, problem, "write the same length behind each", "subnets", severity=Severity.WARN
        )


def _parts(conf: View, key: str) -> list[str]:
    text = conf.text(key) or ""
    return [part.strip() for part in text.split(",")] if text.strip() else []


def _host_length(text: str) -> int | None:
    """Of a text that is read: what stands behind the second slash."""
    pieces = text.split("/")
    return int(pieces[2]) if len(pieces) == 3 else None


def _cidr(text: str, *, host_length: bool = False) -> _IpNetwork | None:
    pieces = text.split("/")
    if (
        host_length
        and len(pieces) == 3
        and pieces[2].isascii()
        and pieces[2].isdigit()
        and len(pieces[2]) < 9
    ):
        text = "/".join(pieces[:2])
    cidr = addresses.parse_cidr(text)
    return cidr.network if cidr else None
