"""The IPAM section of a plugin's config, where the daemon can do what it says: host-local and static.

Sources: `LoadIPAMConfig` in `plugins/ipam/host-local/backend/allocator/config.go` and `plugins/ipam/static/main.go` of the
reference plugins 1.9.1; `cni/pkg/types/args.go: LoadArgs`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence

from netattach_core.cni import versions
from netattach_core.native import static, strict
from netattach_core.native.host_local import HostLocal, Range, RangeSet
from netattach_core.native.static import Static
from netattach_core.native.strict import NotUnderstoodError
from netattach_core.net import names
from netattach_core.net.addresses import IpAddress
from netattach_core.text import json_document
from netattach_core.text.json_document import JsonTextError, Node

DEFAULT_DATA_DIR = "/var/lib/cni/networks"
"""The only store of host-local that the daemon sees (`disk/backend.go: defaultDataDir`)."""

_LONGEST = 4096
"""Characters of a config: reading a longer one would take longer than to start the program."""

_LOWEST_IPV6 = 2**64
"""Below, Go's addresses have two lengths: those with few digits and those that contain an IPv4 address (`pkg/ip/cidr.go`)."""


def read(stdin: str, args: str) -> HostLocal | Static | None:
    """What the IPAM plugin is asked for; None where its program has to run.

    That is so for everything that is not fully understood, and for everything that the plugin refuses by its config: its program
    refuses it in its own words. `stdin` is the config that the main plugin gets (`cni.config.plugin_stdin`), `args` its CNI_ARGS.
    """
    try:
        return _read(stdin, *_environment(args))
    except NotUnderstoodError:
        return None


@functools.lru_cache(128)  # the same few networks for all pods of a node
def _read(stdin: str, env_ip: str, env_gateway: str) -> HostLocal | Static | None:
    try:
        strict.require(len(stdin) <= _LONGEST)
        return _understood(json_document.parse(stdin), env_ip, env_gateway)
    except (NotUnderstoodError, JsonTextError):
        return None


def _environment(args: str) -> tuple[str, str]:
    """IP and GATEWAY in CNI_ARGS. Other keys are ignored as long as IgnoreUnknown says so."""
    pairs = [pair.split("=") for pair in args.split(";")] if args else []
    strict.require(all(len(pair) == 2 for pair in pairs))
    keys = [key for key, _ in pairs]
    found = dict(pairs)
    strict.require("CommonArgs" not in found and len(found) == len(keys))
    strict.require(not pairs or found.get("IgnoreUnknown") == "1")
    return found.get("IP", ""), found.get("GATEWAY", "")


def _understood(root: Node, env_ip: str, env_gateway: str) -> HostLocal | Static:
    config = strict.members(root, ("cniVersion", "name", "ipam", "runtimeConfig", "args"), others=True)
    strict.require({"cniVersion", "name", "ipam"} <= set(config))
    version, name = config["cniVersion"].value, config["name"].value
    strict.require(version in versions.SUPPORTED and versions.at_least(version, "0.3.0"))
    strict.require(isinstance(name, str) and names.is_cni_name(name))
    runtime = _inner(config, "runtimeConfig", "ips", "ipRanges")
    requests = (_texts(_inner(_inner(config, "args", "cni"), "cni", "ips"), "ips"), _texts(runtime, "ips"))
    ipam = config["ipam"]
    kind = strict.members(ipam, ("type",), others=True).get("type")
    strict.require(kind is not None)
    if kind is not None and kind.value == "static":
        return static.read(ipam, requests, env_ip, env_gateway)
    strict.require(kind is not None and kind.value == "host-local")
    texts = [each for each in (env_ip, *itertools.chain(*requests)) if each]
    return _host_local(name, ipam, strict.items(runtime.get("ipRanges")), texts)


def _inner(outer: Mapping[str, Node], key: str, *known: str) -> Mapping[str, Node]:
    """These members of an object, none where it is absent."""
    return strict.members(outer[key], known, others=True) if key in outer else {}


def _texts(members: Mapping[str, Node], key: str) -> list[str]:
    texts = [strict.string(node) for node in strict.items(members.get(key))]
    strict.require(all(texts))
    return texts


def _host_local(name: str, ipam: Node, offered: Sequence[Node], requested: Sequence[str]) -> HostLocal:
    keys = ("type", "routes", "dataDir", "ranges", *_RANGE)
    found = strict.members(ipam, keys)
    strict.require("dataDir" not in found or found["dataDir"].value in ("", DEFAULT_DATA_DIR))
    strict.require("subnet" in found or not any(key in found for key in _RANGE))
    own = [(_range({key: found[key] for key in _RANGE if key in found}),)] if "subnet" in found else []
    sets = [*map(_ranges, offered), *own, *map(_ranges, strict.items(found.get("ranges")))]
    strict.require(sets)
    _require_disjoint([each for ranges in sets for each in ranges])
    routes = tuple(map(strict.route, strict.items(found.get("routes"))))
    return HostLocal(name, _with_requests(sets, requested), routes)


_RANGE = ("rangeStart", "rangeEnd", "subnet", "gateway")


def _ranges(node: Node) -> tuple[Range, ...]:
    """A range set. Its ranges have one family."""
    ranges = tuple(_range(strict.members(each, _RANGE)) for each in strict.items(node))
    strict.require(len({each.start.version for each in ranges}) == 1)
    return ranges


def _range(found: Mapping[str, Node]) -> Range:
    """`range.go: Canonicalize`."""
    strict.require("subnet" in found)
    subnet = strict.cidr(strict.string(found["subnet"]))
    network = subnet.network
    strict.require(subnet.ip == network.network_address and network.prefixlen <= network.max_prefixlen - 2)
    strict.require(network.version == 4 or int(network.network_address) >= _LOWEST_IPV6)
    given = {key: strict.ip(strict.string(found[key])) for key in _RANGE if key in found and key != "subnet"}
    last = network.broadcast_address - 1 if network.version == 4 else network.broadcast_address
    start, end = given.get("rangeStart", network[1]), given.get("rangeEnd", last)
    strict.require(start in network and end in network and int(start) <= int(end))
    return Range(network, start, end, given.get("gateway", network[1]))


def _require_disjoint(ranges: Sequence[Range]) -> None:
    ordered = sorted(ranges, key=lambda each: (each.start.version, int(each.start)))
    for one, next_one in itertools.pairwise(ordered):
        strict.require(next_one.start not in one)


def _with_requests(sets: Sequence[tuple[Range, ...]], texts: Sequence[str]) -> tuple[RangeSet, ...]:
    """Each range set with the requested address that is in it.

    The plugin refuses an address outside of all sets, a second one in a set, and a gateway's (`main.go: cmdAdd`).
    """
    requested = {_requested(text) for text in texts}
    range_sets = tuple(RangeSet(ranges, _in_set(ranges, requested)) for ranges in sets)
    strict.require(len(requested) == sum(each.requested is not None for each in range_sets))
    return range_sets


def _in_set(ranges: tuple[Range, ...], requested: set[IpAddress]) -> IpAddress | None:
    found = [(ip, each) for ip in requested for each in ranges if ip in each]
    strict.require(len(found) <= 1 and all(ip != each.gateway for ip, each in found))
    return found[0][0] if found else None


def _requested(text: str) -> IpAddress:
    """With or without a prefix length, which has no effect (`pkg/ip/ip.go: ParseIP`)."""
    return strict.cidr(text).ip if "/" in text else strict.ip(text)
