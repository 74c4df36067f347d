"""The ranges of whereabouts: what it reads, what of it is given out, and what it passes over (pkg/iphelpers, pkg/allocate)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from netattach_core.net import addresses
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

RANGE = Rule("whereabouts-range", Severity.DENY, "a range that whereabouts cannot read")
RANGE_IGNORED = Rule(
    "whereabouts-range-ignored", Severity.WARN, "a bound that whereabouts passes over in silence"
)

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Range:
    """A range that is read; `start` and `end` are None unless `range` itself names them."""

    view: View
    network: _Network
    start: addresses.IpAddress | None
    end: addresses.IpAddress | None


def read(view: View) -> Range | None:
    """None where there is no `range`, or none that whereabouts reads."""
    first, dash, rest = sloppy(view.text("range") or "").partition("-")
    cidr = addresses.parse_cidr(rest if dash else first)
    start = addresses.parse_ip(first) if dash else None
    if cidr is None or (dash and start is None):
        return None
    return Range(view, cidr.network, start, cidr.ip if dash else None)


def sloppy(text: str) -> str:
    """Without leading zeros: whereabouts reads with Kubernetes' tolerant parser (ParseCIDRSloppy)."""
    return text if ":" in text else re.sub(r"\b0+(?=[0-9])", "", text)


def check(ipam: View) -> Iterator[Finding]:
    """WA1, WA2, WA4 to WA7. An empty `range` beside `ipRanges` is none; templates write it."""
    seen = set[_Network]()
    for view in (ipam, *ipam.inners("ipRanges")):
        inner = view is not ipam
        yield from _unreadable_ends(view, inner=inner)
        text, found = view.text("range"), read(view)
        if found is not None:
            yield from _subnet(found)
            yield from _ends(found)
            yield from _excluded(found, sliced=bool(ipam.text("node_slice_size")))
            yield from _again(found, seen)
        elif text or (text is not None and not ipam.given("ipRanges")):
            blank = ", since there is a blank in it" if " " in (text or "").strip() else ""
            problem = f"`range` {text!r} is no subnet; whereabouts cannot read it{blank}"
            yield view.found(RANGE, problem, 'write "10.1.2.0/24", or "10.1.2.10-10.1.2.20/24"', "range")
        elif inner and (text == "" or not view.given("range")):
            problem = "a range without `range`; whereabouts cannot read it"
            yield view.found(RANGE, problem, 'add its subnet: "range": "10.1.2.0/24"')


def _again(found: Range, seen: set[_Network]) -> Iterator[Finding]:
    """One subnet is one pool of leases, and a pod that has one of it gets that one again (allocate.go: AssignIP)."""
    if found.network in seen:
        problem = f"a second range of {found.network}: whereabouts gives a pod the same address again, and the kernel refuses it"
        fix = "write one range, with `exclude` for what lies between"
        yield found.view.found(RANGE, problem, fix, "range", severity=Severity.WARN)
    seen.add(found.network)


def _subnet(found: Range) -> Iterator[Finding]:
    """WA2, WA4."""
    network, view = found.network, found.view
    if found.start is not None and found.start not in network:
        problem = f"`range` starts at {found.start}, outside {network}; whereabouts refuses it"
        yield view.found(RANGE, problem, f"start it inside {network}", "range")
    if _is_small(network):
        problem = (
            f"`range` {view.text('range')} is too small to hold an address for a pod; whereabouts refuses it"
        )
        yield view.found(
            RANGE, problem, f"write a prefix length of {network.max_prefixlen - 2} or less", "range"
        )


def _is_small(network: _Network) -> bool:
    return network.prefixlen > network.max_prefixlen - 2


def _unreadable_ends(view: View, *, inner: bool) -> Iterator[Finding]:
    """Of `ipRanges` they are read as addresses by JSON's decoder, which fails; outside of it as texts (types.go)."""
    for key in ("range_start", "range_end"):
        text = view.text(key)
        if not text or addresses.parse_ip(text if inner else sloppy(text)) is not None:
            continue
        outcome = "cannot read it" if inner else "passes over it and gives out the whole range"
        fix = "write one address without a prefix length"
        zeros = addresses.parse_ip(sloppy(text)) is not None
        yield view.found(
            RANGE if inner else RANGE_IGNORED,
            f"`{key}` {text!r} is no IP address; whereabouts {outcome}",
            fix,
            key,
            severity=Severity.WARN if zeros else None,  # which only the Go of newer releases refuses
        )


def _ends(found: Range) -> Iterator[Finding]:
    """WA6."""
    view, network = found.view, found.network
    for key in ("range_start", "range_end"):
        address = _end(view, key)
        if view.text(key) and found.start is not None:
            problem = f"`{key}` is not read where `range` itself says where it starts and ends"
            yield view.found(RANGE_IGNORED, problem, f"remove `{key}`, or write `range` as {network}", key)
        elif address is not None and address not in network:
            problem = f"`{key}` {address} is outside {network}: whereabouts passes over it and gives out the whole range"
            yield view.found(RANGE_IGNORED, problem, f"write an address of {network}", key)
    start, end = _given_ends(found)
    if start and end and start in network and end in network and int(end) < int(start):
        key = "range" if found.start else "range_end"
        problem = f"`{key}` ends at {end}, before its start {start}: whereabouts passes over that end"
        yield view.found(RANGE_IGNORED, problem, "exchange the two", key)


def _end(view: View, key: str) -> addresses.IpAddress | None:
    text = view.text(key)
    return addresses.parse_ip(sloppy(text)) if text else None


def _given_ends(found: Range) -> tuple[addresses.IpAddress | None, addresses.IpAddress | None]:
    if found.start is not None:
        return found.start, found.end
    return _end(found.view, "range_start"), _end(found.view, "range_end")


def _given_out(found: Range) -> tuple[int, int]:
    """The first and the last address, as numbers: of the hosts, where an end is not one of them (GetIPRange)."""
    first, last = int(found.network.network_address) + 1, int(found.network.broadcast_address) - 1
    start, end = _given_ends(found)
    if start and start.version == found.network.version and first <= int(start) <= last:
        first = int(start)
    if end and end.version == found.network.version and first <= int(end) <= last:
        last = int(end)
    return first, last


def _excluded(found: Range, *, sliced: bool) -> Iterator[Finding]:
    """WA5, WA7. A bare address is read by newer releases only; where nodes get slices, none of it is read (WA8)."""
    networks: list[_Network] = []
    for item, text in found.view.texts("exclude"):
        bare = addresses.parse_ip(sloppy(text))
        cidr = addresses.parse_cidr(f"{bare}/{bare.max_prefixlen}" if bare else sloppy(text))
        networks += [cidr.network] if cidr else []
        if cidr is None or bare:
            problem = f"`exclude` holds {text!r}, which is no subnet; whereabouts cannot give addresses then"
            fix = f'write "{text}/{bare.max_prefixlen}"' if bare else 'write a subnet: "10.1.2.0/29"'
            yield item.found(RANGE, problem, fix, severity=Severity.WARN if bare or sliced else None)
        elif not cidr.network.overlaps(found.network):
            problem = (
                f"`exclude` {cidr.network} is outside {found.network} and keeps nothing from being given out"
            )
            yield item.found(RANGE_IGNORED, problem, f"write a part of {found.network}")
    if networks and sliced:
        problem = "`exclude` is not read where nodes get parts of the range by `node_slice_size`"
        yield found.view.found(RANGE_IGNORED, problem, "remove one of the two", "exclude")
    first, last = _given_out(found)
    if not _is_small(found.network) and _cover(networks, found.network.version, first, last):
        ends = " to ".join(str(type(found.network.network_address)(end)) for end in (first, last))
        problem = f"`exclude` covers the whole range, {ends}: no address is left"
        severity = Severity.WARN if sliced else None
        yield found.view.found(RANGE, problem, "exclude less", "exclude", severity=severity)


def _cover(networks: list[_Network], version: int, first: int, last: int) -> bool:
    """Whether each address from first to last is in one of the networks."""
    spans = sorted(
        (int(network.network_address), int(network.broadcast_address))
        for network in networks
        if network.version == version
    )
    for low, high in spans:
        if low > first:
            return False
        first = max(first, high + 1)
        if first > last:
            return True
    return False
