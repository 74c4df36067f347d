"""The subnets of OVN-Kubernetes' networks (`go-controller/pkg/config/utils.go: ParseClusterSubnetEntriesWithDefaults`).

The topology decides which lists are read (`pkg/util/multi_network.go: newLayer3NetConfInfo`, `newLayer2NetConfInfo`,
`newLocalnetNetConfInfo`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from netattach_core.net import addresses
from netattach_core.plugins import common_rules
from netattach_core.plugins.ipam import SubnetSet
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

SUBNETS = Rule("ovn-subnets", Severity.DENY, "subnets that OVN-Kubernetes refuses")

RESERVED = ("reservedSubnets", "infrastructureSubnets")
"""Read by release 1.2 and newer with the feature gate for preconfigured UDN addresses."""

LISTS = ("subnets", "excludeSubnets", *RESERVED, "joinSubnet")

_IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOSTS_V4, _HOSTS_V6 = 24, 64
"""Default prefix lengths of the part that each node gets; the only one for IPv6."""


def check(config: ConfigView) -> Iterator[Finding]:
    """The findings about all lists of subnets."""
    topology = config.text("topology")
    layer3 = topology == "layer3"
    yield from _unreadable(config, "subnets", host_length=layer3)
    if layer3:
        yield from _host_lengths(config)
        if config.text("excludeSubnets"):
            problem = "`excludeSubnets` has no effect in topology layer3"
            yield config.found(
                common_rules.NO_EFFECT, problem, "remove it, or write smaller `subnets`", "excludeSubnets"
            )
    else:
        yield from _unreadable(config, "excludeSubnets")
        yield from _outside(config, "excludeSubnets")
    if topology == "layer2":
        for key in RESERVED:
            yield from _unreadable(config, key, severity=Severity.WARN)
            yield from _outside(config, key, severity=Severity.WARN)
    if topology != "localnet":
        yield from _unreadable(config, "joinSubnet")


def _unreadable(
    config: ConfigView, key: str, *, host_length: bool = False, severity: Severity | None = None
) -> Iterator[Finding]:
    for part in _parts(config, key):
        if _cidr(part, host_length=host_length) is None:
            form = "10.1.0.0/16/24" if host_length else "10.1.0.0/16"
            problem = f"`{key}` contains {part!r}, which OVN-Kubernetes cannot parse"
            yield config.found(SUBNETS, problem, f"write it in the form {form}", key, severity=severity)


def _outside(config: ConfigView, key: str, *, severity: Severity | None = None) -> Iterator[Finding]:
    """Entries outside of all `subnets`; without `subnets` that is any entry."""
    subnets = [_cidr(part) for part in _parts(config, "subnets")]
    if None in subnets or (config.has("subnets") and config.text("subnets") is None):
        return
    inside = SubnetSet(net for net in subnets if net)
    for part in _parts(config, key):
        net = _cidr(part)
        if net and not inside.covers(net):
            why = "is outside of `subnets`" if subnets else "requires `subnets`"
            problem = f"`{key}` {net} {why}; OVN-Kubernetes refuses it"
            yield config.found(
                SUBNETS, problem, "write a part of `subnets`, or remove it", key, severity=severity
            )


def _host_lengths(config: ConfigView) -> Iterator[Finding]:
    """The prefix length of the part of a subnet that each node gets (`cidr/length`)."""
    lengths = set[int]()
    for part in _parts(config, "subnets"):
        net = _cidr(part, host_length=True)
        if net is None:
            continue
        length, why = _host_length(part), ""
        if length is None:
            length, why = _HOSTS_V4 if net.version == 4 else _HOSTS_V6, " by default"
        part_of_node = f"each node gets a /{length}{why}"
        if net.version == 6 and length != _HOSTS_V6:
            problem = f"`subnets` contains {part}: {part_of_node}, but OVN-Kubernetes supports only /{_HOSTS_V6} for IPv6"
            yield config.found(SUBNETS, problem, f"write {net}/{_HOSTS_V6}", "subnets")
        elif length > net.max_prefixlen or length <= net.prefixlen:
            problem = f"`subnets` contains {part}: {part_of_node}, which does not fit into {net}; OVN-Kubernetes refuses it"
            fix = f"append a prefix length for each node's part, at least /{net.prefixlen + 1}, or write a larger subnet"
            yield config.found(SUBNETS, problem, fix, "subnets")
        elif net.version == 4:
            lengths.add(length)
    if len(lengths) > 1:
        named = " and ".join(f"/{length}" for length in sorted(lengths))
        problem = f"the IPv4 `subnets` are split into parts of {named}; OVN-Kubernetes 1.2 and newer refuse different lengths"
        yield config.found(
            SUBNETS, problem, "append the same prefix length to each", "subnets", severity=Severity.WARN
        )


def _parts(config: ConfigView, key: str) -> list[str]:
    text = config.text(key) or ""
    return [part.strip() for part in text.split(",")] if text.strip() else []


def _host_length(text: str) -> int | None:
    """The number after the second slash of a valid entry."""
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
