"""host-local: addresses from ranges, leased on each node's disk (host-local: allocator/{config,range,range_set}.go)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netattach_core.net import addresses
from netattach_core.plugins import common_rules, route_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

DENY, WARN = Severity.DENY, Severity.WARN

RANGES_MISSING = Rule("ranges-missing", DENY, "host-local without a range to give addresses from")
RANGE_SUBNET = Rule("range-subnet", DENY, "a subnet that cannot be read, or has no room for a pod")
RANGE_ADDRESS = Rule("range-address", DENY, "an end of a range, or a gateway, that is no IP address")
RANGE_OUTSIDE = Rule("range-outside-subnet", DENY, "a range that leaves its subnet")
RANGE_ORDER = Rule("range-order", DENY, "a range that ends before it starts")
RANGE_GATEWAY = Rule("range-gateway-outside-subnet", DENY, "a gateway outside the subnet")
RANGE_EDGE = Rule("range-edge", WARN, "a range that gives out the network's own or its broadcast address")
RANGE_OVERLAP = Rule("range-overlap", DENY, "two ranges that share addresses")
RANGE_FAMILY = Rule("range-family", DENY, "IPv4 and IPv6 in one set of ranges")
RANGE_FULL = Rule("range-no-room", DENY, "a range that holds the gateway alone")
ONE_PER_FAMILY = Rule(
    "addresses-per-version", DENY, "more addresses of one IP version than the CNI version can hold"
)
LEASES_PER_NODE = Rule("leases-per-node", WARN, "leases kept on each node, for a network that spans nodes")

_ACROSS_NODES = {"macvlan", "vlan"}
_MAY_CROSS_NODES = {"ipvlan"}

_POD_CIDR = {"usePodCidr", "usePodCidrIPv6"}
"""What calico replaces by the node's subnet."""

_RANGE_KEYS = {
    "subnet": {
        **schema_types.TEXT,
        "nullRefused": True,
    },  # types.IPNet reads null itself, as a subnet that is none
    "rangeStart": schema_types.TEXT,
    "rangeEnd": schema_types.TEXT,
    "gateway": schema_types.TEXT,
}


@dataclass(frozen=True, slots=True)
class _Range:
    """A range whose subnet is sound; `first` and `last` are what the plugin gives out."""

    view: View
    subnet: addresses.IpInterface
    first: addresses.IpAddress
    last: addresses.IpAddress
    gateway: addresses.IpAddress


def check(ipam: View, context: Context) -> Iterator[Finding]:
    """HL1 to HL14, HL16, HL23."""
    sets = _sets(ipam)
    yield from _missing(ipam, context)
    yield from _ignored(ipam)
    folder = ipam.text("dataDir")
    if folder and not folder.startswith("/"):
        problem = f"`dataDir` {folder!r} is relative to wherever the runtime was started: leases are lost when that changes"
        yield ipam.found(
            common_rules.KEY_VALUE,
            problem,
            "write it from the root: /var/lib/cni/networks",
            "dataDir",
            severity=WARN,
        )
    sound: list[list[_Range]] = []
    for views in sets:
        ranges = []
        for view in views:
            findings, read = _range(view)
            yield from () if context.fills_ranges and view.text("subnet") in _POD_CIDR else findings
            ranges += [read] if read else []
        yield from _inside_set(ranges)
        sound.append(ranges)
    yield from _overlaps([each for ranges in sound for each in ranges])
    yield from _once_per_version(sound, context)
    yield from _across_nodes(ipam, context)
    all_known = _all_said(context) and [len(s) for s in sound] == [len(s) for s in sets]
    yield from route_rules.check(ipam, context, _given(sound) if all_known else None)


def _missing(ipam: View, context: Context) -> Iterator[Finding]:
    """HL1."""
    if ipam.given("ranges") or ipam.given("subnet") or "ipRanges" in context.capabilities:
        return
    problem = "neither `subnet` nor `ranges`: host-local has no addresses to give and fails"
    severity = None
    if context.fills_ranges is None:
        problem, severity = f"{problem}, unless the plugin writes them in itself", WARN
    if not context.fills_ranges:
        yield ipam.found(RANGES_MISSING, problem, 'add a range: "subnet": "10.1.2.0/24"', severity=severity)


def _all_said(context: Context) -> bool:
    """Whether the ranges are those that stand here."""
    return "ipRanges" not in context.capabilities and context.fills_ranges is False


def given(ipam: View, context: Context) -> list[route_rules.Given] | None:
    """The pod's subnets and gateways; None where they are not known, or not sound."""
    sets = [[_range(view)[1] for view in views] for views in _sets(ipam)]
    sound = [[each for each in ranges if each] for ranges in sets]
    if not _all_said(context) or [len(s) for s in sound] != [len(s) for s in sets]:
        return None
    return _given(sound)


def _given(sets: Sequence[Sequence[_Range]]) -> list[route_rules.Given]:
    """Each set gives one address; of which of its ranges, and so with which gateway, only the leases say."""
    return [
        route_rules.Given(each.subnet, each.gateway if len(ranges) == 1 else None)
        for ranges in sets
        for each in ranges
    ]


def _sets(ipam: View) -> list[tuple[View, ...]]:
    """The flat keys come first, then each set of `ranges` (config.go: LoadIPAMConfig)."""
    flat = [(ipam,)] if ipam.text("subnet") is not None else []
    listed = [tuple(v for v in s.items() if isinstance(v.node.value, dict)) for s in ipam.items("ranges")]
    return flat + listed


def _ignored(ipam: View) -> Iterator[Finding]:
    """HL13, and HL2's empty set."""
    for key in ("rangeStart", "rangeEnd", "gateway"):
        if ipam.given(key) and not ipam.given("subnet") and ipam.given("ranges"):
            text = ipam.text(key) or ""
            if text and addresses.parse_ip(text) is None:
                problem = f"`{key}` {text!r} is no IP address{_cidr_hint(text)}; host-local reads it even where it is not used"
                yield ipam.found(RANGE_ADDRESS, problem, _address_fix(text), key)
            problem = f"`{key}` is not read here, since there is no `subnet` beside it"
            yield ipam.found(
                common_rules.NO_EFFECT, problem, f"move `{key}` into the range that it belongs to", key
            )
    for ranges in ipam.items("ranges"):
        if ranges.node.value == []:
            yield ranges.found(
                RANGES_MISSING, "an empty set of ranges; host-local refuses it", "remove the set"
            )
    if ipam.value("ranges") == [] and ipam.text("subnet") is None:
        yield ipam.found(
            RANGES_MISSING, "`ranges` is empty: host-local has no addresses to give", "add a range", "ranges"
        )


def _range(view: View) -> tuple[list[Finding], _Range | None]:
    """HL5 to HL12 (range.go: Canonicalize)."""
    subnet = addresses.parse_cidr(view.text("subnet") or "")
    problem = _subnet_problem(view, subnet)
    if problem is not None or subnet is None:
        return ([problem] if problem else []), None
    ends = {key: addresses.parse_ip(view.text(key) or "") for key in ("rangeStart", "rangeEnd", "gateway")}
    findings = [finding for key in ends for finding in _address(view, key, ends[key], subnet)]
    network = subnet.network
    first_host, last_host = network.network_address + 1, _last(subnet)
    first, last = ends["rangeStart"] or first_host, ends["rangeEnd"] or last_host
    if findings:
        return findings, None
    if ends["rangeEnd"] and int(first) > int(last):
        order = f"the range ends at {last}, before it starts at {first}; host-local refuses it"
        return [view.found(RANGE_ORDER, order, "exchange `rangeStart` and `rangeEnd`", "rangeEnd")], None
    edges = list(_edges(view, subnet))
    return edges, _Range(view, subnet, first, last, ends["gateway"] or first_host)


def _last(subnet: addresses.IpInterface) -> addresses.IpAddress:
    """The last address that the plugin gives out; IPv6 has no broadcast, and none is kept free for it (range.go: lastIP)."""
    broadcast = subnet.network.broadcast_address
    return broadcast - 1 if subnet.version == 4 else broadcast


def _subnet_problem(view: View, subnet: addresses.IpInterface | None) -> Finding | None:
    text = view.text("subnet")
    if text is None:
        if view.given("subnet"):
            return None
        return view.found(
            RANGE_SUBNET, "a range without `subnet`; host-local refuses it", 'add "subnet": "10.1.2.0/24"'
        )
    if subnet is None:
        problem = f"`subnet` {text!r} is no subnet; host-local cannot read it{_why_unreadable(text)}"
        return view.found(
            RANGE_SUBNET, problem, 'write an address and a prefix length: "10.1.2.0/24"', "subnet"
        )
    network = subnet.network
    if ":" in text and subnet.version == 4:
        problem = f"`subnet` {text} is an IPv4 subnet in IPv6 notation; host-local refuses it"
        return view.found(RANGE_SUBNET, problem, f"write {network}", "subnet")
    if subnet.ip != network.network_address:
        problem = f"`subnet` {text} has bits set behind its prefix length; host-local refuses it"
        return view.found(RANGE_SUBNET, problem, f"write {network}", "subnet")
    if network.version == 6 and network.is_multicast:
        problem = f"`subnet` {text} is of group addresses: the kernel gives none of them to an interface"
        return view.found(RANGE_SUBNET, problem, "write a subnet of hosts: fd00:1:2::/64", "subnet")
    if network.prefixlen > network.max_prefixlen - 2:
        limit = network.max_prefixlen - 2
        problem = f"`subnet` {text} is too small to hold a gateway and a pod; host-local refuses it"
        return view.found(RANGE_SUBNET, problem, f"write a prefix length of {limit} or less", "subnet")
    return None


def _why_unreadable(text: str) -> str:
    address, slash, prefix = text.partition("/")
    if not slash:
        return ", since the prefix length is missing"
    if "." in prefix:
        return ", since the prefix is written as a netmask"
    if any(len(part) > 1 and part.startswith("0") for part in address.split(".")) and ":" not in address:
        return ", since numbers must not start with 0"
    return ""


def _address(
    view: View, key: str, address: addresses.IpAddress | None, subnet: addresses.IpInterface
) -> Iterator[Finding]:
    """HL8, HL10, HL11. An empty text is the default."""
    text = view.text(key)
    if not text:
        return
    if address is None:
        yield view.found(
            RANGE_ADDRESS, f"`{key}` {text!r} is no IP address{_cidr_hint(text)}", _address_fix(text), key
        )
    elif key == "gateway" and address.is_link_local and address.version == subnet.version:
        return  # every link has those; for IPv6 they are the usual next hop
    elif address not in subnet.network:
        rule = RANGE_GATEWAY if key == "gateway" else RANGE_OUTSIDE
        outcome = "pods could not reach it" if key == "gateway" else "host-local refuses it"
        problem = f"`{key}` {address} is outside `subnet` {subnet.network}: {outcome}"
        yield view.found(rule, problem, f"write an address of {subnet.network}, or correct `subnet`", key)


def _cidr_hint(text: str) -> str:
    return ", since it has a prefix length" if addresses.parse_cidr(text) else ""


def _address_fix(text: str) -> str:
    cidr = addresses.parse_cidr(text)
    return (
        f'write it without the prefix length: "{cidr.ip}"' if cidr else "write one address, such as 10.1.2.1"
    )


def _edges(view: View, subnet: addresses.IpInterface) -> Iterator[Finding]:
    """HL12."""
    if not (view.text("rangeStart") or view.text("rangeEnd")):
        return
    network = subnet.network
    edges = {network.network_address: "the network's own address"}
    if subnet.version == 4:
        edges[network.broadcast_address] = "the broadcast address"
    for key in ("rangeStart", "rangeEnd"):
        what = edges.get(addresses.parse_ip(view.text(key) or ""))  # type: ignore[arg-type]  # None is no edge
        if what:
            problem = f"`{key}` is {what} of {network}, and host-local would give it to a pod"
            yield view.found(RANGE_EDGE, problem, "leave it out of the range", key)


def _inside_set(ranges: Sequence[_Range]) -> Iterator[Finding]:
    """HL3, HL9."""
    versions = set[int]()
    for each in ranges:
        if versions - {each.subnet.version}:
            problem = (
                "IPv4 and IPv6 in one set of ranges; host-local refuses it, since a set gives one address"
            )
            yield each.view.found(
                RANGE_FAMILY, problem, "put each into a set of its own: [[IPv4], [IPv6]]", "subnet"
            )
        versions.add(each.subnet.version)
    if ranges and all(r.first == r.last == r.gateway for r in ranges):
        problem = f"the range holds {ranges[0].first} alone, which is the gateway: no pod can have an address"
        yield ranges[0].view.found(RANGE_FULL, problem, "widen the range")


def _overlaps(ranges: Sequence[_Range]) -> Iterator[Finding]:
    """HL4: in order of their addresses, each with that of those before it which reaches furthest.

    So of many ranges that share addresses each is told of, but not each pair.
    """
    by_start = sorted(enumerate(ranges), key=lambda each: (each[1].subnet.version, int(each[1].first)))
    reach: tuple[int, _Range] | None = None
    for index, one in by_start:
        if reach is None or reach[1].subnet.version != one.subnet.version:
            reach = index, one
            continue
        if int(one.first) <= int(reach[1].last) and int(reach[1].first) <= int(one.last):
            (_, earlier), (_, later) = sorted([reach, (index, one)], key=lambda each: each[0])
            yield _overlap(later, earlier)
        if int(one.last) > int(reach[1].last):
            reach = index, one


def _overlap(one: _Range, other: _Range) -> Finding:
    problem = f"the range {one.first} to {one.last} shares addresses with {other.first} to {other.last}; host-local refuses it"
    return one.view.found(RANGE_OVERLAP, problem, "make the ranges separate", "subnet")


def _once_per_version(sets: Sequence[Sequence[_Range]], context: Context) -> Iterator[Finding]:
    """HL14."""
    versions = set[int]()
    for ranges in sets:
        repeated = ranges and ranges[0].subnet.version in versions
        versions |= {each.subnet.version for each in ranges}
        if repeated and context.older_than("0.3.0"):
            problem = (
                f"CNI {context.cni_version} holds one address of each IP version, and this is a second set of "
                f"IPv{ranges[0].subnet.version} ranges"
            )
            yield ranges[0].view.found(ONE_PER_FAMILY, problem, 'write "cniVersion": "1.0.0"', "subnet")


def _across_nodes(ipam: View, context: Context) -> Iterator[Finding]:
    """HL23, G39: the commonest cause of duplicate addresses in Multus' tracker."""
    spans = context.main in _ACROSS_NODES or (context.main in _MAY_CROSS_NODES and context.mode in {"", "l2"})
    if spans:
        problem = (
            f"host-local keeps its leases on each node by itself, but {context.main} puts the pods of all nodes on one "
            "network: two of them can get the same address"
        )
        fix = "use an IPAM that knows all nodes, such as whereabouts, or a NAD and a range for each node"
        yield ipam.found(LEASES_PER_NODE, problem, fix, "type")


PLUGIN = Plugin(
    type="host-local",
    source="plugins/ipam/host-local/backend/allocator/config.go",
    role=Role.IPAM,
    capabilities=frozenset({"ips", "ipRanges"}),
    schema=schema_types.record(
        **_RANGE_KEYS,
        ranges=schema_types.list_of(
            schema_types.instead(
                schema_types.list_of(
                    schema_types.instead(schema_types.record(**_RANGE_KEYS), '{"subnet": "10.1.2.0/24"}')
                ),
                'a list for each set of ranges: [[{"subnet": "10.1.2.0/24"}]]',
            )
        ),
        routes=schema_types.ROUTES,
        dataDir=schema_types.TEXT,
        resolvConf=schema_types.TEXT,
    ),
    check=check,
    rules=(
        RANGES_MISSING,
        RANGE_SUBNET,
        RANGE_ADDRESS,
        RANGE_OUTSIDE,
        RANGE_ORDER,
        RANGE_GATEWAY,
        RANGE_EDGE,
        RANGE_OVERLAP,
        RANGE_FAMILY,
        RANGE_FULL,
        ONE_PER_FAMILY,
        LEASES_PER_NODE,
    ),
    aliases={
        "range": "subnet",
        "cidr": "subnet",
        "start": "rangeStart",
        "startRange": "rangeStart",
        "end": "rangeEnd",
        "endRange": "rangeEnd",
        "rangeStop": "rangeEnd",
        "gw": "gateway",
    },
)
