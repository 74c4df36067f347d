"""whereabouts: addresses from ranges, leased in the cluster (pkg/config/config.go, pkg/types/types.go, pkg/iphelpers)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from netattach_core import addresses, names
from netattach_core.finding import Finding, Rule, Severity
from netattach_core.plugins import fields, routes
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View

RANGE = Rule("whereabouts-range", Severity.DENY, "a range that whereabouts cannot read")
RANGE_IGNORED = Rule(
    "whereabouts-range-ignored", Severity.WARN, "a bound that whereabouts passes over in silence"
)

_OWN_RANGE = {
    "range": fields.TEXT,
    "range_start": fields.TEXT,
    "range_end": fields.TEXT,
    "exclude": fields.TEXTS,
}
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
"""Of the time when whereabouts kept its leases in etcd; no longer read, and no reason to refuse anything."""

_NUMBERS = ("leader_lease_duration", "leader_renew_deadline", "leader_retry_period", "sleep_for_race")


def check(ipam: View, context: Context) -> Iterator[Finding]:
    """WA1 to WA7, WA9, WA10, WA14."""
    sources = ("range", "ipRanges", "addresses", "configuration_path")
    if not any(ipam.given(key) for key in sources):
        problem = "neither `range` nor `ipRanges`: whereabouts has no addresses to give"
        yield ipam.found(RANGE, problem, 'add a range: "range": "10.1.2.0/24"')
    for view in (ipam, *ipam.inners("ipRanges")):
        yield from _range(view)
    for item in ipam.inners("addresses"):
        text = item.text("address")
        if text is not None and addresses.parse_cidr(_sloppy(text)) is None:
            problem = f"`address` {text!r} is no IP address with a prefix length; whereabouts refuses it"
            yield item.found(RANGE, problem, 'write it as "10.1.2.3/24"', "address")
    gateway = ipam.text("gateway")
    if gateway and addresses.parse_ip(_sloppy(gateway)) is None:
        problem = f"`gateway` {gateway!r} is no IP address; whereabouts refuses it"
        yield ipam.found(RANGE, problem, "write one address without a prefix length", "gateway")
    yield from _slice(ipam)
    network_name = ipam.text("network_name")
    if network_name and not names.is_object_name(network_name):
        problem = (
            f"`network_name` {network_name!r} becomes part of an object's name, and the API server refuses it"
        )
        yield ipam.found(RANGE, problem, "write small letters, digits and '-'", "network_name")
    yield from routes.check(ipam, context, None)


def _range(view: View) -> Iterator[Finding]:
    """An empty `range` beside `ipRanges` is none; templates write it."""
    text = view.text("range")
    if text is None or (text == "" and view.given("ipRanges")):
        return
    network, start = _read(text)
    if network is None:
        problem = f"`range` {text!r} is no subnet; whereabouts cannot read it"
        yield view.found(RANGE, problem, 'write "10.1.2.0/24", or "10.1.2.10-10.1.2.20/24"', "range")
        return
    if start is not None and start not in network:
        problem = f"`range` starts at {start}, outside {network}; whereabouts refuses it"
        yield view.found(RANGE, problem, f"start it inside {network}", "range")
    if network.prefixlen > network.max_prefixlen - 2:
        problem = f"`range` {text} is too small to hold an address for a pod; whereabouts refuses it"
        yield view.found(
            RANGE, problem, f"write a prefix length of {network.max_prefixlen - 2} or less", "range"
        )
    yield from _bounds(view, network)
    yield from _excluded(view, network)


def _excluded(view: View, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Iterator[Finding]:
    """WA5, WA7. A bare address is read by newer releases only."""
    for item, text in view.texts("exclude"):
        cidr = addresses.parse_cidr(_sloppy(text))
        if cidr is None:
            bare = addresses.parse_ip(_sloppy(text))
            problem = f"`exclude` holds {text!r}, which is no subnet; whereabouts cannot give addresses then"
            mend = f'write "{text}/{bare.max_prefixlen}"' if bare else 'write a subnet: "10.1.2.0/29"'
            yield item.found(RANGE, problem, mend, severity=Severity.WARN if bare else None)
        elif (
            cidr.version == network.version
            and int(cidr.network.network_address) <= int(network.network_address)
            and (int(cidr.network.broadcast_address) >= int(network.broadcast_address))
        ):
            problem = f"`exclude` {text} covers the whole range {network}: no address is left"
            yield item.found(RANGE, problem, "exclude less")


def _slice(ipam: View) -> Iterator[Finding]:
    """WA9, WA10 (pkg/node-controller)."""
    text = ipam.text("node_slice_size")
    if not text:
        return
    digits = text.removeprefix("/")
    if not (digits.isascii() and digits.isdigit()):
        problem = f"`node_slice_size` {text!r} is no prefix length"
        yield ipam.found(RANGE, problem, 'write it as "/26"', "node_slice_size")
        return
    for view in (ipam, *ipam.inners("ipRanges")):
        network = _read(view.text("range") or "")[0]
        if network is not None and network.version == 6:
            problem = f"`node_slice_size` cuts IPv4 ranges alone, and this one is {network}"
            yield view.found(RANGE, problem, "remove `node_slice_size`", "range")
        elif network is not None and not network.prefixlen <= int(digits) <= network.max_prefixlen:
            problem = f"`node_slice_size` {text} is no part of the range {network}"
            mend = f"write a prefix length from {network.prefixlen} to {network.max_prefixlen}"
            # A warning: the README's own example is one of those.
            yield ipam.found(RANGE, problem, mend, "node_slice_size", severity=Severity.WARN)


def _read(
    text: str,
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network | None, addresses.IpAddress | None]:
    """The network of a range, and its start where it is written as start-end/prefix."""
    first, dash, rest = _sloppy(text).partition("-")
    cidr = addresses.parse_cidr(rest.strip() if dash else first)
    start = addresses.parse_ip(first.strip()) if dash else None
    if cidr is None or (dash and start is None):
        return None, None
    return cidr.network, start


def _sloppy(text: str) -> str:
    """Without leading zeros: whereabouts reads with Kubernetes' tolerant parser (ParseCIDRSloppy)."""
    return text if ":" in text else re.sub(r"\b0+(?=[0-9])", "", text)


def _bounds(view: View, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Iterator[Finding]:
    """WA6."""
    for key in ("range_start", "range_end"):
        text = view.text(key)
        address = addresses.parse_ip(_sloppy(text)) if text else None
        if address is not None and address not in network:
            problem = f"`{key}` {address} is outside {network}: whereabouts passes over it and gives out the whole range"
            yield view.found(RANGE_IGNORED, problem, f"write an address of {network}", key)


PLUGIN = Plugin(
    type="whereabouts",
    source="whereabouts pkg/config/config.go",
    role=Role.IPAM,
    capabilities=frozenset(),
    schema=fields.record(
        **_OWN_RANGE,
        ipRanges=fields.list_of(
            fields.record(
                **_OWN_RANGE, enable_overlapping_ranges=fields.ANYTHING, network_name=fields.ANYTHING
            )
        ),
        **dict.fromkeys(_TEXTS, fields.TEXT),
        **dict.fromkeys(_LEGACY, fields.ANYTHING),
        **dict.fromkeys(_NUMBERS, fields.WHOLE),
        routes=fields.ROUTES,
        dns=fields.DNS,
        addresses=fields.ADDRESSES,
        enable_overlapping_ranges=fields.FLAG,
        node_slice_size=fields.TEXT,
        kubernetes=fields.record(kubeconfig=fields.TEXT, k8s_api_root=fields.TEXT),
    ),
    check=check,
    rules=(RANGE, RANGE_IGNORED),
    aliases={"subnet": "range", "ranges": "ipRanges", "omit_ranges": "exclude"},
)
