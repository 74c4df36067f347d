"""host-local: assigns addresses from ranges; the leases are files on each node.

Read from `plugins/ipam/host-local/backend/allocator/{config,range,range_set,allocator}.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netattach_core.net import addresses
from netattach_core.plugins import address_text, common_rules, route_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

DENY, WARN = Severity.DENY, Severity.WARN

RANGES_MISSING = Rule("ranges-missing", DENY, "host-local without a range")
RANGE_SUBNET = Rule("range-subnet", DENY, "a subnet that cannot be parsed, or is too small for a pod")
RANGE_ADDRESS = Rule("range-address", DENY, "a range start, range end or gateway that is not an IP address")
RANGE_OUTSIDE = Rule("range-outside-subnet", DENY, "a range outside its subnet")
RANGE_ORDER = Rule("range-order", DENY, "a range that ends before it starts")
RANGE_GATEWAY = Rule("range-gateway-outside-subnet", DENY, "a gateway outside the subnet")
RANGE_EDGE = Rule("range-edge", WARN, "a range that includes the network or broadcast address")
RANGE_OVERLAP = Rule("range-overlap", DENY, "overlapping ranges")
RANGE_FAMILY = Rule("range-family", DENY, "IPv4 and IPv6 in one range set")
RANGE_FULL = Rule("range-no-room", DENY, "a range that contains only the gateway")
ONE_PER_FAMILY = Rule(
    "addresses-per-version", DENY, "more addresses of one IP family than the CNI version supports"
)
LEASES_PER_NODE = Rule("leases-per-node", WARN, "per-node leases for a network that spans nodes")
"""Whether it spans nodes is a matter of the nodes: `validation.lease_rules` decides on the severity."""

_ACROSS_NODES = {"macvlan", "vlan"}
_MAY_CROSS_NODES = {"ipvlan"}

_POD_CIDR = {"usePodCidr", "usePodCidrIPv6"}
"""Values that calico replaces by the node's subnet."""

_RANGE_KEYS = {
    "subnet": {
        **schema_types.STRING,
        "nullRefused": True,
    },  # CNI types.IPNet parses null itself, and fails
    "rangeStart": schema_types.STRING,
    "rangeEnd": schema_types.STRING,
    "gateway": schema_types.STRING,
}


@dataclass(frozen=True, slots=True)
class _Range:
    """A range with a valid subnet; the plugin assigns the addresses `first` to `last`."""

    view: ConfigView
    subnet: addresses.IpInterface
    first: addresses.IpAddress
    last: addresses.IpAddress
    gateway: addresses.IpAddress


def check(ipam: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about an `ipam` section of host-local (`config.go: LoadIPAMConfig`)."""
    sets = _sets(ipam)
    yield from _missing(ipam, context)
    yield from _ignored(ipam)
    directory = ipam.text("dataDir")
    if directory and not directory.startswith("/"):
        problem = f"`dataDir` {directory!r} is relative to the runtime's working directory: leases are lost when that changes"
        yield ipam.found(
            common_rules.KEY_VALUE,
            problem,
            "write an absolute path: /var/lib/cni/networks",
            "dataDir",
            severity=WARN,
        )
    valid_sets: list[list[_Range]] = []
    for views in sets:
        ranges = []
        for view in views:
            findings, read = _range(view)
            yield from () if context.supplies_ranges and view.text("subnet") in _POD_CIDR else findings
            ranges += [read] if read else []
        yield from _inside_set(ranges)
        valid_sets.append(ranges)
    yield from _overlaps([each for ranges in valid_sets for each in ranges])
    yield from _once_per_version(valid_sets, context)
    yield from _across_nodes(ipam, context)
    all_known = _only_these_ranges(context) and [len(s) for s in valid_sets] == [len(s) for s in sets]
    yield from route_rules.check(ipam, context, _pod_addresses(valid_sets) if all_known else None)


def _missing(ipam: ConfigView, context: Context) -> Iterator[Finding]:
    """No range at all; the pod may bring one by the capability `ipRanges`."""
    if ipam.has("ranges") or ipam.has("subnet") or "ipRanges" in context.capabilities:
        return
    problem = "neither `subnet` nor `ranges` is set: host-local has no addresses to assign and fails"
    severity = None
    if context.supplies_ranges is None:
        problem, severity = f"{problem}, unless the main plugin adds a range itself", WARN
    if not context.supplies_ranges:
        yield ipam.found(RANGES_MISSING, problem, 'add a range: "subnet": "10.1.2.0/24"', severity=severity)


def _only_these_ranges(context: Context) -> bool:
    """Whether the config names all ranges: neither the pod nor the main plugin can add some."""
    return "ipRanges" not in context.capabilities and context.supplies_ranges is False


def pod_addresses(ipam: ConfigView, context: Context) -> list[route_rules.PodAddress] | None:
    """The pod's subnets and gateways; None where they are unknown or invalid."""
    sets = [[_range(view)[1] for view in views] for views in _sets(ipam)]
    valid_sets = [[each for each in ranges if each] for ranges in sets]
    if not _only_these_ranges(context) or [len(s) for s in valid_sets] != [len(s) for s in sets]:
        return None
    return _pod_addresses(valid_sets)


def _pod_addresses(sets: Sequence[Sequence[_Range]]) -> list[route_rules.PodAddress]:
    """Each set assigns one address; only the leases decide from which range, and therefore with which gateway."""
    return [
        route_rules.PodAddress(each.subnet, each.gateway if len(ranges) == 1 else None)
        for ranges in sets
        for each in ranges
    ]


def _sets(ipam: ConfigView) -> list[tuple[ConfigView, ...]]:
    """The range sets: that of the flat keys first, then those of `ranges` (`config.go: LoadIPAMConfig`)."""
    flat = [(ipam,)] if ipam.text("subnet") is not None else []
    listed = [tuple(v for v in s.items() if isinstance(v.node.value, dict)) for s in ipam.items("ranges")]
    return flat + listed


def _ignored(ipam: ConfigView) -> Iterator[Finding]:
    """Flat keys that host-local parses but ignores, and empty range sets (`range_set.go: Canonicalize`)."""
    for key in ("rangeStart", "rangeEnd", "gateway"):
        if ipam.has(key) and not ipam.has("subnet") and ipam.has("ranges"):
            text = ipam.text(key) or ""
            if text and addresses.parse_ip(text) is None:
                problem = f"{_not_an_address(key, text)}; host-local parses it although unused"
                yield ipam.found(RANGE_ADDRESS, problem, _address_fix(text), key)
            problem = f"`{key}` has no effect without `subnet` in the same object"
            yield ipam.found(common_rules.NO_EFFECT, problem, f"move `{key}` into its range in `ranges`", key)
    for ranges in ipam.items("ranges"):
        if ranges.node.value == []:
            yield ranges.found(
                RANGES_MISSING, "empty range set; host-local refuses it", "remove the empty list"
            )
    if ipam.value("ranges") == [] and ipam.text("subnet") is None:
        yield ipam.found(
            RANGES_MISSING,
            "`ranges` is empty: host-local has no addresses to assign",
            "add a range",
            "ranges",
        )


def _range(view: ConfigView) -> tuple[list[Finding], _Range | None]:
    """The findings about one range, and the range where it is valid (`range.go: Canonicalize`)."""
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
        order = f"the range ends at {last}, before its start {first}; host-local refuses it"
        return [view.found(RANGE_ORDER, order, "swap `rangeStart` and `rangeEnd`", "rangeEnd")], None
    edges = list(_edges(view, subnet))
    return edges, _Range(view, subnet, first, last, ends["gateway"] or first_host)


def _last(subnet: addresses.IpInterface) -> addresses.IpAddress:
    """The last address that the plugin assigns: all but the broadcast address, which IPv6 does not have (`range.go: lastIP`)."""
    broadcast = subnet.network.broadcast_address
    return broadcast - 1 if subnet.version == 4 else broadcast


def _subnet_problem(view: ConfigView, subnet: addresses.IpInterface | None) -> Finding | None:
    text = view.text("subnet")
    if text is None:
        if view.has("subnet"):
            return None
        return view.found(
            RANGE_SUBNET, "the range has no `subnet`; host-local refuses it", 'add "subnet": "10.1.2.0/24"'
        )
    if subnet is None:
        problem = f"`subnet` {text!r} is not a valid CIDR{address_text.why(text)}; host-local cannot parse it"
        fix = address_text.fix_cidr(text, "10.1.2.0/24", "fd00:1:2::/64", missing="add the prefix length: ")
        return view.found(RANGE_SUBNET, problem, fix, "subnet")
    network = subnet.network
    if ":" in text and subnet.version == 4:
        problem = f"`subnet` {text} is an IPv4 subnet in IPv4-mapped IPv6 notation; host-local refuses it"
        return view.found(RANGE_SUBNET, problem, f"write {network}", "subnet")
    if subnet.ip != network.network_address:
        problem = f"`subnet` {text} has host bits set; host-local refuses it"
        return view.found(RANGE_SUBNET, problem, f"write {network}", "subnet")
    if network.version == 6 and network.is_multicast:
        problem = (
            f"`subnet` {text} contains multicast addresses: the kernel cannot assign them to an interface"
        )
        return view.found(
            RANGE_SUBNET, problem, "write a unicast subnet, for example fd00:1:2::/64", "subnet"
        )
    if network.prefixlen > network.max_prefixlen - 2:
        limit = network.max_prefixlen - 2
        problem = f"`subnet` {text} is too small for a gateway and a pod; host-local refuses it"
        return view.found(RANGE_SUBNET, problem, f"write a prefix length of {limit} or less", "subnet")
    return None


def _address(
    view: ConfigView, key: str, address: addresses.IpAddress | None, subnet: addresses.IpInterface
) -> Iterator[Finding]:
    """A start, end or gateway of a range; an empty string means the default."""
    text = view.text(key)
    if not text:
        return
    if address is None:
        yield view.found(RANGE_ADDRESS, _not_an_address(key, text), _address_fix(text), key)
    elif key == "gateway" and address.is_link_local and address.version == subnet.version:
        return  # on every link; the usual next hop for IPv6
    elif address not in subnet.network:
        rule = RANGE_GATEWAY if key == "gateway" else RANGE_OUTSIDE
        outcome = "pods cannot reach it" if key == "gateway" else "host-local refuses it"
        problem = f"`{key}` {address} is outside `subnet` {subnet.network}: {outcome}"
        yield view.found(rule, problem, f"write an address in {subnet.network}, or correct `subnet`", key)


def _not_an_address(key: str, text: str) -> str:
    return f"`{key}` {text!r} is not a valid IP address{address_text.why(text, cidr=False)}"


def _address_fix(text: str) -> str:
    return address_text.fix_ip(text, "10.1.2.1", "fd00:1:2::1")


def _edges(view: ConfigView, subnet: addresses.IpInterface) -> Iterator[Finding]:
    """A range that includes the network or broadcast address."""
    if not (view.text("rangeStart") or view.text("rangeEnd")):
        return
    network = subnet.network
    edges = {network.network_address: "the network address"}
    if subnet.version == 4:
        edges[network.broadcast_address] = "the broadcast address"
    for key in ("rangeStart", "rangeEnd"):
        what = edges.get(addresses.parse_ip(view.text(key) or ""))  # type: ignore[arg-type]  # None matches no edge
        if what:
            problem = f"`{key}` is {what} of {network}; host-local assigns it to a pod"
            yield view.found(RANGE_EDGE, problem, "exclude it from the range", key)


def _inside_set(ranges: Sequence[_Range]) -> Iterator[Finding]:
    """A set with both IP families (`range_set.go: Canonicalize`), or one without an address for a pod."""
    versions = set[int]()
    for each in ranges:
        if versions - {each.subnet.version}:
            problem = (
                "IPv4 and IPv6 in one range set; host-local refuses it, since a set assigns a single address"
            )
            yield each.view.found(
                RANGE_FAMILY, problem, "write one set for each IP family: [[IPv4], [IPv6]]", "subnet"
            )
        versions.add(each.subnet.version)
    if ranges and all(r.first == r.last == r.gateway for r in ranges):
        problem = (
            f"the range contains only {ranges[0].first}, which is the gateway: there is no address for a pod"
        )
        yield ranges[0].view.found(RANGE_FULL, problem, "widen the range")


def _overlaps(ranges: Sequence[_Range]) -> Iterator[Finding]:
    """Overlapping ranges, within and between sets (`range_set.go: Overlaps`).

    Goes through the ranges in the order of their addresses and compares each with the earlier one that ends last. So each
    range that overlaps another one is reported, but not each pair.
    """
    by_start = sorted(enumerate(ranges), key=lambda each: (each[1].subnet.version, int(each[1].first)))
    furthest: tuple[int, _Range] | None = None
    for index, one in by_start:
        if furthest is None or furthest[1].subnet.version != one.subnet.version:
            furthest = index, one
            continue
        if int(one.first) <= int(furthest[1].last) and int(furthest[1].first) <= int(one.last):
            (_, earlier), (_, later) = sorted([furthest, (index, one)], key=lambda each: each[0])
            yield _overlap(later, earlier)
        if int(one.last) > int(furthest[1].last):
            furthest = index, one


def _overlap(one: _Range, other: _Range) -> Finding:
    problem = (
        f"the range {one.first} to {one.last} overlaps {other.first} to {other.last}; host-local refuses it"
    )
    return one.view.found(RANGE_OVERLAP, problem, "change the ranges so that they do not overlap", "subnet")


def _once_per_version(sets: Sequence[Sequence[_Range]], context: Context) -> Iterator[Finding]:
    """Several sets of one IP family before CNI 0.3.0 (`config.go: LoadIPAMConfig`)."""
    versions = set[int]()
    for ranges in sets:
        repeated = ranges and ranges[0].subnet.version in versions
        versions |= {each.subnet.version for each in ranges}
        if repeated and context.older_than("0.3.0"):
            problem = (
                f"CNI {context.cni_version} supports one address per IP family, but this is the second set of "
                f"IPv{ranges[0].subnet.version} ranges"
            )
            yield ranges[0].view.found(ONE_PER_FAMILY, problem, 'write "cniVersion": "1.0.0"', "subnet")


def _across_nodes(ipam: ConfigView, context: Context) -> Iterator[Finding]:
    """Duplicate addresses on different nodes (Multus issues #144, #640, #1150)."""
    spans = context.first_type in _ACROSS_NODES or (
        context.first_type in _MAY_CROSS_NODES and context.mode in {"", "l2"}
    )
    if spans:
        problem = (
            f"host-local keeps separate leases on each node, but {context.first_type} connects the pods of all nodes to one "
            "network: two pods can get the same address"
        )
        fix = (
            "use a cluster-wide IPAM plugin such as whereabouts, or one NAD with its own range for each node"
        )
        yield ipam.found(LEASES_PER_NODE, problem, fix, "type")


PLUGIN = Plugin(
    type="host-local",
    source="plugins/ipam/host-local/backend/allocator/config.go",
    role=Role.IPAM,
    capabilities=frozenset({"ips", "ipRanges"}),
    schema=schema_types.object_of(
        **_RANGE_KEYS,
        ranges=schema_types.list_of(
            schema_types.with_example(
                schema_types.list_of(
                    schema_types.with_example(
                        schema_types.from_text(schema_types.object_of(**_RANGE_KEYS), "subnet"),
                        '{"subnet": "10.1.2.0/24"}',
                    )
                ),
                'a list for each set of ranges: [[{"subnet": "10.1.2.0/24"}]]',
            )
        ),
        routes=schema_types.ROUTES,
        dataDir=schema_types.STRING,
        resolvConf=schema_types.STRING,
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
