"""The ranges of whereabouts: how it parses them, and which addresses it assigns (`pkg/iphelpers`, `pkg/allocate`)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from netattach_core.net import addresses
from netattach_core.net.names import shown
from netattach_core.plugins import address_text
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

RANGE = Rule("whereabouts-range", Severity.DENY, "a range that whereabouts cannot use")
RANGE_IGNORED = Rule(
    "whereabouts-range-ignored", Severity.WARN, "a range bound that whereabouts silently ignores"
)

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Range:
    """A parsed range; `start` and `end` are None unless `range` itself contains them (`start-end/length`)."""

    view: ConfigView
    network: _Network
    start: addresses.IpAddress | None
    end: addresses.IpAddress | None


def read(view: ConfigView) -> Range | None:
    """Parses `range`; None where it is missing or invalid."""
    parts = _parts(view.text("range") or "")
    if parts is None:
        return None
    start, cidr = parts
    return Range(view, cidr.network, start, cidr.ip if start else None)


def _parts(text: str) -> tuple[addresses.IpAddress | None, addresses.IpInterface] | None:
    """The start, None where the text has none, and the end with the prefix length; None where it cannot be parsed."""
    first, dash, rest = without_leading_zeros(text).partition("-")
    cidr = addresses.parse_cidr(rest if dash else first)
    start = addresses.parse_ip(first) if dash else None
    return None if cidr is None or (dash and start is None) else (start, cidr)


def without_leading_zeros(text: str) -> str:
    """The text of an IPv4 address or CIDR without leading zeros, which whereabouts accepts (Kubernetes' ParseCIDRSloppy)."""
    return text if ":" in text else re.sub(r"\b0+(?=[0-9])", "", text)


def check(ipam: ConfigView) -> Iterator[Finding]:
    """The findings about all ranges. An empty `range` next to `ipRanges` counts as absent, since templates write it."""
    seen = set[_Network]()
    for view in (ipam, *ipam.objects("ipRanges")):
        inner = view is not ipam
        yield from _invalid_bounds(view, inner=inner)
        text, found = view.text("range"), read(view)
        if found is not None:
            yield from _subnet(found)
            yield from _ignored_bounds(found)
            yield from _excluded(found, sliced=bool(ipam.text("node_slice_size")))
            yield from _again(found, seen)
        elif text or (text is not None and not ipam.has("ipRanges")):
            yield _unreadable(view, text or "")
        elif inner and (text == "" or not view.has("range")):
            problem = "the entry has no `range`; whereabouts cannot parse it"
            yield view.found(RANGE, problem, 'add its subnet: "range": "10.1.2.0/24"')


def _unreadable(view: ConfigView, text: str) -> Finding:
    problem = f"`range` {text!r} is not a valid range{address_text.why(text)}; whereabouts cannot parse it"
    fix = address_text.fix_cidr(
        text, "10.1.2.0/24", "fd00:1:2::/64", missing="add the prefix length of the subnet: "
    )
    plain = re.sub(r"\s", "", text)
    if "-" in plain and plain != text and _parts(plain):
        fix = f'write "{shown(plain)}"'
    elif "-" in plain:
        fix = "write start, end and the prefix length of the subnet: " + (
            '"fd00:1:2::10-fd00:1:2::20/64"' if ":" in text else '"10.1.2.10-10.1.2.20/24"'
        )
    return view.found(RANGE, problem, fix, "range")


def _again(found: Range, seen: set[_Network]) -> Iterator[Finding]:
    """A subnet is one pool of leases, from which a pod gets its existing address again (`allocate.go: AssignIP`)."""
    if found.network in seen:
        problem = f"second range in {found.network}: whereabouts assigns the same address to the pod again; the kernel refuses it"
        fix = "write one range, with `exclude` for the addresses in between"
        yield found.view.found(RANGE, problem, fix, "range", severity=Severity.WARN)
    seen.add(found.network)


def _subnet(found: Range) -> Iterator[Finding]:
    """A start outside the subnet (`config.go: LoadIPAMConfig`), or a subnet without room (`iphelpers.go: HasUsableIPs`)."""
    network, view = found.network, found.view
    if found.start is not None and found.start not in network:
        problem = f"`range` starts at {found.start}, outside {network}; whereabouts refuses it"
        yield view.found(RANGE, problem, f"start it inside {network}", "range")
    if _is_small(network):
        problem = f"`range` {view.text('range')} is too small for a pod; whereabouts refuses it"
        yield view.found(
            RANGE, problem, f"write a prefix length of {network.max_prefixlen - 2} or less", "range"
        )


def _is_small(network: _Network) -> bool:
    return network.prefixlen > network.max_prefixlen - 2


def _invalid_bounds(view: ConfigView, *, inner: bool) -> Iterator[Finding]:
    """Invalid bounds: in `ipRanges` the JSON decoder fails on them, at the top level they are ignored (`types.go`)."""
    for key in ("range_start", "range_end"):
        text = view.text(key)
        if not text or addresses.parse_ip(text if inner else without_leading_zeros(text)) is not None:
            continue
        outcome = "cannot parse it" if inner else "ignores it and uses the whole range"
        fix = address_text.fix_ip(text, "10.1.2.10", "fd00:1:2::10")
        zeros = addresses.parse_ip(without_leading_zeros(text)) is not None
        yield view.found(
            RANGE if inner else RANGE_IGNORED,
            f"`{key}` {text!r} is not a valid IP address; whereabouts {outcome}",
            fix,
            key,
            severity=Severity.WARN if zeros else None,  # only newer releases refuse it
        )


def _ignored_bounds(found: Range) -> Iterator[Finding]:
    """Bounds that whereabouts ignores (`iphelpers.go: GetIPRange`)."""
    view, network = found.view, found.network
    for key in ("range_start", "range_end"):
        address = _bound(view, key)
        if view.text(key) and found.start is not None:
            problem = f"`{key}` has no effect, since `range` itself contains a start and an end"
            yield view.found(RANGE_IGNORED, problem, f"remove `{key}`, or write `range` as {network}", key)
        elif address is not None and address not in network:
            problem = (
                f"`{key}` {address} is outside {network}: whereabouts ignores it and uses the whole range"
            )
            yield view.found(RANGE_IGNORED, problem, f"write an address in {network}", key)
    start, end = _bounds(found)
    if start and end and start in network and end in network and int(end) < int(start):
        key = "range" if found.start else "range_end"
        problem = f"the range ends at {end}, before its start {start}: whereabouts ignores the end"
        yield view.found(RANGE_IGNORED, problem, "swap the two", key)


def _bound(view: ConfigView, key: str) -> addresses.IpAddress | None:
    text = view.text(key)
    return addresses.parse_ip(without_leading_zeros(text)) if text else None


def _bounds(found: Range) -> tuple[addresses.IpAddress | None, addresses.IpAddress | None]:
    if found.start is not None:
        return found.start, found.end
    return _bound(found.view, "range_start"), _bound(found.view, "range_end")


def _assignable(found: Range) -> tuple[int, int]:
    """The first and last address that pods can get, as integers; bounds outside the hosts of the subnet do not count."""
    first, last = int(found.network.network_address) + 1, int(found.network.broadcast_address) - 1
    start, end = _bounds(found)
    if start and start.version == found.network.version and first <= int(start) <= last:
        first = int(start)
    if end and end.version == found.network.version and first <= int(end) <= last:
        last = int(end)
    return first, last


def _excluded(found: Range, *, sliced: bool) -> Iterator[Finding]:
    """Exclusions, which whereabouts reads at allocation (`allocate.go: parseExcludedRange`).

    Only newer releases parse a bare address; with `node_slice_size` whereabouts reads no exclusion at all.
    """
    networks: list[_Network] = []
    for item, text in found.view.texts("exclude"):
        bare = addresses.parse_ip(without_leading_zeros(text))
        cidr = addresses.parse_cidr(f"{bare}/{bare.max_prefixlen}" if bare else without_leading_zeros(text))
        networks += [cidr.network] if cidr else []
        if cidr is None or bare:
            problem = (
                f"`exclude` contains {text!r}, which is not a valid CIDR{'' if bare else address_text.why(text)}; "
                "whereabouts cannot assign addresses"
            )
            fix = address_text.fix_cidr(text, "10.1.2.0/29", "fd00:1:2::/125")
            fix = f'write "{text}/{bare.max_prefixlen}"' if bare else fix
            yield item.found(RANGE, problem, fix, severity=Severity.WARN if bare or sliced else None)
        elif not cidr.network.overlaps(found.network):
            problem = f"`exclude` {cidr.network} is outside {found.network} and has no effect"
            yield item.found(RANGE_IGNORED, problem, f"write a part of {found.network}, or remove it")
    if networks and sliced:
        problem = "`exclude` has no effect together with `node_slice_size`"
        yield found.view.found(RANGE_IGNORED, problem, "remove one of the two", "exclude")
    first, last = _assignable(found)
    if not _is_small(found.network) and _cover(networks, found.network.version, first, last):
        ends = " to ".join(str(type(found.network.network_address)(end)) for end in (first, last))
        problem = f"`exclude` covers the whole range, {ends}: no address is left"
        severity = Severity.WARN if sliced else None
        yield found.view.found(RANGE, problem, "exclude fewer addresses", "exclude", severity=severity)


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
