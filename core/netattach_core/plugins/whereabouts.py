"""whereabouts: assigns addresses from ranges; the leases are objects in the cluster.

Read from whereabouts `pkg/config/config.go`, `pkg/types/types.go` and `pkg/iphelpers`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from netattach_core.net import addresses, names
from netattach_core.plugins import address_text, common_rules, route_rules, schema_types
from netattach_core.plugins import whereabouts_ranges as ranges
from netattach_core.plugins.host_local import RANGE_GATEWAY
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.plugins.whereabouts_ranges import RANGE, RANGE_IGNORED, without_leading_zeros
from netattach_core.text.finding import Finding, Severity

_OWN_RANGE = {
    "range": schema_types.STRING,
    "range_start": schema_types.STRING,
    "range_end": schema_types.STRING,
    "exclude": schema_types.STRINGS,
}
_RANGE = schema_types.with_example(
    schema_types.from_text(
        schema_types.object_of(
            **_OWN_RANGE,
            enable_overlapping_ranges=schema_types.ANYTHING,
            network_name=schema_types.ANYTHING,
        ),
        "range",
    ),
    '{"range": "10.1.2.0/24"}',
)
_TEXTS = (
    "gateway",
    "network_name",
    "log_file",
    "log_level",
    "reconciler_cron_expression",
    "configuration_path",
)
_LEGACY = (
    "datastore",
    "etcd_host",
    "etcd_username",
    "etcd_password",
    "etcd_key_file",
    "etcd_cert_file",
    "etcd_ca_cert_file",
)
"""From the time when whereabouts kept its leases in etcd; current releases ignore them."""

_MAX_LISTED = 4
"""Subnets that a message lists."""

_NUMBERS = ("leader_lease_duration", "leader_renew_deadline", "leader_retry_period", "sleep_for_race")


def check(ipam: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about an `ipam` section of whereabouts (`config.go: LoadIPAMConfig`)."""
    sources = ("range", "ipRanges", "addresses", "configuration_path")
    if not any(ipam.has(key) and ipam.value(key) != [] for key in sources):
        problem = "neither `range` nor `ipRanges` is set: whereabouts has no addresses to assign"
        yield ipam.found(RANGE, problem, 'add a range: "range": "10.1.2.0/24"')
    yield from ranges.check(ipam)
    for item in ipam.objects("addresses"):
        text = item.text("address")
        if item.text("Address") is not None:
            yield common_rules.untagged_address(item, RANGE, "whereabouts")
        if text is not None and addresses.parse_cidr(without_leading_zeros(text)) is None:
            problem = (
                f"`address` {text!r} is not a valid CIDR{address_text.why(text)}; whereabouts refuses it"
            )
            fix = address_text.fix_cidr(text, "10.1.2.3/24", "fd00:1:2::3/64")
            yield item.found(RANGE, problem, fix, "address")
    pod_addresses = _pod_addresses(ipam)
    yield from _gateway(ipam, pod_addresses, context)
    yield from _slice(ipam)
    network_name = ipam.text("network_name")
    if network_name and not names.is_object_name(network_name):
        problem = f"`network_name` {network_name!r} is not a valid object name; the API server refuses the lease object"
        yield ipam.found(RANGE, problem, "write only lower-case letters, digits, '-' and '.'", "network_name")
    yield from common_rules.dropped_dns(ipam, context)
    # An address that a pod requests in CNI_ARGS is assigned in addition (config.go: handleEnvArgs).
    yield from route_rules.check(ipam, context, pod_addresses, may_grow=True)


def _pod_addresses(ipam: ConfigView) -> tuple[route_rules.PodAddress, ...] | None:
    """The pod's subnets and gateways; None where one is invalid, or a file on the node may add some."""
    views = [view for view in (ipam, *ipam.objects("ipRanges")) if view.text("range")]
    read = [ranges.read(view) for view in views]
    items = ipam.objects("addresses")
    fixed = [addresses.parse_cidr(without_leading_zeros(item.text("address") or "")) for item in items]
    if ipam.has("configuration_path") or None in read or None in fixed:
        return None
    gateway = addresses.parse_ip(without_leading_zeros(ipam.text("gateway") or ""))
    return (
        *(route_rules.PodAddress(ipaddress.ip_interface(each.network), gateway) for each in read if each),
        *(
            route_rules.PodAddress(address, addresses.parse_ip(item.text("gateway") or ""))
            for item, address in zip(items, fixed, strict=True)
            if address
        ),
    )


def _gateway(
    ipam: ConfigView, pod_addresses: Sequence[route_rules.PodAddress] | None, context: Context
) -> Iterator[Finding]:
    """A gateway that whereabouts cannot parse, or that the pod cannot reach."""
    text = ipam.text("gateway")
    if not text:
        return
    gateway = addresses.parse_ip(without_leading_zeros(text))
    if gateway is None:
        why = address_text.why(text, cidr=False)
        problem = f"`gateway` {text!r} is not a valid IP address{why}; whereabouts refuses it"
        yield ipam.found(RANGE, problem, address_text.fix_ip(text, "10.1.2.1", "fd00:1:2::1"), "gateway")
    elif (
        pod_addresses
        and not gateway.is_link_local
        and not any(gateway in each.address.network for each in pod_addresses)
    ):
        subnets = ", ".join(dict.fromkeys(str(each.address.network) for each in pod_addresses[:_MAX_LISTED]))
        used = route_rules.uses_gateways(ipam, context)
        outcome = "routes through it fail" if used else "nothing uses it"
        yield ipam.found(
            RANGE_GATEWAY,
            f"`gateway` {gateway} is outside {subnets}: the pod cannot reach it, and {outcome}",
            "write an address in the subnet of the range",
            "gateway",
            severity=Severity.WARN if used else Severity.ADVICE,
        )


def _slice(ipam: ConfigView) -> Iterator[Finding]:
    """The size of the part of a range that each node gets (`pkg/node-controller`)."""
    text = ipam.text("node_slice_size")
    if not text:
        return
    digits = text.removeprefix("/")
    if not (digits.isascii() and digits.isdigit()):
        problem = f"`node_slice_size` {text!r} is not a prefix length"
        yield ipam.found(RANGE, problem, 'write a prefix length, for example "/26"', "node_slice_size")
        return
    for view in (ipam, *ipam.objects("ipRanges")):
        found = ranges.read(view)
        network = found.network if found else None
        if network is not None and network.version == 6:
            problem = f"`node_slice_size` supports only IPv4 ranges, not {network}"
            yield view.found(RANGE, problem, "remove `node_slice_size`", "range")
        elif network is not None and not network.prefixlen <= int(digits) <= network.max_prefixlen:
            problem = f"`node_slice_size` {text} does not fit into the range {network}"
            fix = f"write a prefix length from {network.prefixlen} to {network.max_prefixlen}"
            # A warning, since the example in the README of whereabouts has this mistake.
            yield ipam.found(RANGE, problem, fix, "node_slice_size", severity=Severity.WARN)


def _with_own_gateway(**keys: schema_types.Schema) -> schema_types.Schema:
    """`Gateway` is a field of its own, in which an invalid address is ignored (`types.go: UnmarshalJSON`)."""
    return schema_types.with_shadowed(schema_types.object_of(**keys), Gateway="gateway")


PLUGIN = Plugin(
    type="whereabouts",
    source="whereabouts pkg/config/config.go",
    role=Role.IPAM,
    capabilities=frozenset(),
    schema=_with_own_gateway(
        **_OWN_RANGE,
        ipRanges=schema_types.list_of(_RANGE),
        **dict.fromkeys(_TEXTS, schema_types.STRING),
        **dict.fromkeys(_LEGACY, schema_types.ANYTHING),
        **dict.fromkeys(_NUMBERS, schema_types.INTEGER),
        routes=schema_types.ROUTES,
        dns=schema_types.DNS,
        addresses=schema_types.ADDRESSES,
        enable_overlapping_ranges=schema_types.BOOLEAN,
        node_slice_size=schema_types.STRING,
        kubernetes=schema_types.object_of(kubeconfig=schema_types.STRING, k8s_api_root=schema_types.STRING),
    ),
    check=check,
    rules=(RANGE, RANGE_IGNORED),
    aliases={"subnet": "range", "ranges": "ipRanges", "omit_ranges": "exclude"},
)
