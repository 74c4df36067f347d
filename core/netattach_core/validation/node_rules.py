"""Rules about nodes: interfaces, plugin binaries and DHCP daemons, by the nodes' inventories."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence

from netattach_core.api.inventory import Interface, NodeInventory
from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE, Nad
from netattach_core.cni import plugin_aliases
from netattach_core.plugins import meant_type
from netattach_core.plugins.view import ConfigView
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.text.lists import and_more
from netattach_core.validation import node_majority, node_needs
from netattach_core.validation.memoize import cache_last
from netattach_core.validation.node_needs import BRIDGE, HOST_DEVICE, Binary
from netattach_core.validation.plugin_chain import Entry, Network

DENY, WARN = Severity.DENY, Severity.WARN

MASTER_DEFAULT = Rule("master-default-interface", DENY, "a `master` that carries the node's own traffic")
MASTER_ON_DEFAULT = Rule(
    "master-on-default-interface", WARN, "a `master` that is a VLAN of an interface with the node's traffic"
)
MASTER_OMITTED = Rule(
    "master-omitted", WARN, "no `master`, which means the interface of the node's default route"
)
MASTER_MISSING = Rule("master-missing-on-node", DENY, "an interface that does not exist on the nodes")
MTU_ABOVE_MASTER = Rule("mtu-above-master", DENY, "an MTU above that of `master`")
BRIDGE_KIND = Rule(
    "bridge-of-another-kind", DENY, "the name of a bridge that is an interface of another kind"
)
BRIDGE_OF_DEFAULT = Rule("bridge-of-default-network", WARN, "the bridge of the pods' default network")
PLUGIN_MISSING = Rule("plugin-missing", DENY, "a plugin without a binary on the nodes")
DHCP_MISSING = Rule("dhcp-daemon-missing", DENY, "IPAM by DHCP on nodes without a DHCP daemon")

RULES = (
    MASTER_DEFAULT,
    MASTER_ON_DEFAULT,
    MASTER_OMITTED,
    MASTER_MISSING,
    MTU_ABOVE_MASTER,
    BRIDGE_KIND,
    BRIDGE_OF_DEFAULT,
    PLUGIN_MISSING,
    DHCP_MISSING,
)

_NAMED = 10
"""Nodes that a message names at most."""

_MAX_CANDIDATES = 5
_USABLE_KINDS = ("", "bond", "team", "vlan", BRIDGE)
"""Kinds of links that can be a `master`, in order of preference. Hardware has no kind."""

_MOVABLE_KINDS = ("",)
_NOTHING_USABLE = f"add an interface to the nodes, or set the annotation {ALLOW_DEFAULT_INTERFACE}: 'true'"
_POD_BRIDGES = {"cni0", "cbr0", "kube-bridge", "weave"}
_CONTAINER_BRIDGES = {*_POD_BRIDGES, "docker0", "podman0", "virbr0"}


def check(network: Network, nad: Nad, nodes: Sequence[NodeInventory]) -> Iterator[Finding]:
    """Validates each plugin's interface and binaries; only with inventories that list interfaces, or plugins."""
    allowed = nad.annotations.get(ALLOW_DEFAULT_INTERFACE) == "true"
    indexed = _indexed(nodes)
    for entry in network.entries:
        if node_needs.uses_node_interface(entry):
            yield from _interface(entry, indexed, allowed=allowed)
        if entry.type == BRIDGE:
            yield from _bridge(entry, indexed)
        for binary in node_needs.binaries(entry):
            yield from _binary(binary, indexed)
        ipam = node_needs.dhcp_section(entry)
        if ipam is not None:
            yield from _dhcp(ipam, indexed)


_CACHE_SIZE = 1024
"""Names whose results are cached; authors choose the names, so their number is limited."""


class _Nodes:
    """The inventories with cached lookups, since a configuration may use one interface in a thousand plugins."""

    def __init__(self, nodes: Sequence[NodeInventory]) -> None:
        self.nodes = [node for node in nodes if node.interfaces]
        self.with_plugins = [node for node in nodes if node.plugins]
        cached = functools.lru_cache(_CACHE_SIZE)
        self.interfaces = cached(self._interfaces)
        self.defaults = cached(self._defaults)
        self.candidates = cached(self._candidates)
        self.without_plugin = cached(self._without_plugin)
        self.close_plugin = cached(self._close_plugin)

    def _interfaces(self, name: str) -> list[tuple[NodeInventory, Interface]]:
        """The nodes that have an interface with this name, and the interface."""
        return [(node, found) for node in self.nodes if (found := node.interface(name))]

    def _defaults(self, name: str) -> list[tuple[NodeInventory, tuple[str, ...]]]:
        """The nodes on which the interface is a default interface, and the reasons."""
        hits = [(node, reasons) for node in self.nodes if (reasons := node.default_reasons(name))]
        return hits + [
            (node, ("is a default interface",))
            for node in self.nodes
            if _is_default(node, name) and not node.default_reasons(name)
        ]

    def _candidates(self, kinds: tuple[str, ...]) -> list[str]:
        return candidates(self.nodes, kinds)

    def _without_plugin(self, kind: str) -> list[NodeInventory]:
        return [node for node in self.with_plugins if node.lacks_plugin(kind)]

    def _close_plugin(self, kind: str, ipam: bool) -> str | None:  # noqa: FBT001  # it is a key of the cache
        return suggestions.closest(kind, self.plugins) or meant_type(kind, ipam=ipam)

    @functools.cached_property
    def plugins(self) -> list[str]:
        return sorted({plugin.name for node in self.with_plugins for plugin in node.plugins})

    @functools.cached_property
    def dhcp(self) -> tuple[list[NodeInventory], list[NodeInventory]]:
        """The nodes that report on a DHCP daemon and have the plugin, and those of them without a running daemon."""
        reporting = [
            node for node in self.with_plugins if node.dhcp and node.has_plugin(plugin_aliases.DHCP_TYPE)
        ]
        return reporting, [node for node in reporting if node.dhcp and not node.dhcp.running]

    @functools.cached_property
    def first_default(self) -> NodeInventory | None:
        return next((node for node in self.nodes if node.default_interfaces), None)


_indexed = cache_last(_Nodes)


def _interface(entry: Entry, nodes: _Nodes, *, allowed: bool) -> Iterator[Finding]:
    key = entry.plugin.interface_key if entry.plugin else ""
    name = entry.config.text(key)
    if name:
        if not allowed:
            yield from _default(entry, key, name, nodes)
        yield from _missing(entry, key, name, nodes)
        yield from _mtu(entry, name, nodes)
    elif node_needs.omits_interface(entry):
        yield from _omitted(entry, key, nodes, allowed=allowed)


def _omitted(entry: Entry, key: str, nodes: _Nodes, *, allowed: bool) -> Iterator[Finding]:
    """Without `master`, the plugin uses the interface of the default route: the safety rule applies as to a configured one."""
    node = nodes.first_default
    if node is None or allowed:
        problem = f"no `{key}`: {entry.type} uses the interface of the node's default route, which may differ from node to node"
        yield entry.config.found(MASTER_OMITTED, problem, f'set the interface: "{key}": "eth1"')
        return
    default = node.default_interfaces[0]
    problem = (
        f"no `{key}`, so {entry.type} uses the interface of the node's default route: {default.name} on {node.node}, which "
        f"{_and(default.reasons)}. Pods must not share it with the node"
    )
    yield entry.config.found(MASTER_DEFAULT, problem, _fix(entry, nodes))


def _default(entry: Entry, key: str, name: str, nodes: _Nodes) -> Iterator[Finding]:
    hits = nodes.defaults(name)
    if hits:
        node, reasons = hits[0]
        more = f" (and on {len(hits) - 1} more)" if len(hits) > 1 else ""
        effect = (
            "would be moved into the pod, and the node would lose its network"
            if entry.type == HOST_DEVICE
            else "must not be shared with pods"
        )
        problem = (
            f"`{key}` {name} is a default interface of {node.node}{more}: it {_and(reasons)}. It {effect}"
        )
        others = [each for each, _ in nodes.interfaces(name) if each is not node]
        outvoted = entry.type != HOST_DEVICE and node_majority.is_outvoted(hits, others)
        problem += node_majority.reason(node.node, others) if outvoted else ""
        severity = WARN if outvoted else None
        yield entry.config.found(MASTER_DEFAULT, problem, _fix(entry, nodes), key, severity=severity)
        return
    for node, interface in nodes.interfaces(name):
        below = _vlan_parent(interface)
        if below and _is_default(node, below):
            problem = f"`{key}` {name} is a VLAN of {below}, which is a default interface of {node.node}"
            yield entry.config.found(
                MASTER_ON_DEFAULT, problem, "make sure that the node does not use this VLAN itself", key
            )
            return


def _is_default(node: NodeInventory, name: str) -> bool:
    return any(default.name == name for default in node.default_interfaces)


def _vlan_parent(interface: Interface) -> str:
    return interface.parent if interface.kind == "vlan" else ""


def _missing(entry: Entry, key: str, name: str, nodes: _Nodes) -> Iterator[Finding]:
    having = nodes.interfaces(name)
    if len(having) == len(nodes.nodes):
        return
    everywhere = not having
    if everywhere and ":" in name:
        problem = f"`{key}` {name} is the label of an address, not an interface; no node has an interface with this name"
    elif everywhere:
        problem = f"`{key}` {name} does not exist on {_every(nodes.nodes)}"
    else:
        there = {node.node for node, _ in having}
        without = [node for node in nodes.nodes if node.node not in there]
        problem = f"`{key}` {name} does not exist on {_names(without)}: pods there cannot be attached"
    severity = None if everywhere else WARN
    yield entry.config.found(MASTER_MISSING, problem, _fix(entry, nodes, name), key, severity=severity)


def _mtu(entry: Entry, name: str, nodes: _Nodes) -> Iterator[Finding]:
    """The kernel refuses an MTU above that of the interface below."""
    mtu = node_needs.mtu(entry)
    if not mtu:
        return
    masters = nodes.interfaces(name)
    low = [(node, master) for node, master in masters if 0 < master.mtu < mtu]
    if not low:
        return
    problem = f"`mtu` {mtu} is above the MTU of {name} on {_names([node for node, _ in low])}; {entry.type} refuses it"
    severity = None if len(low) == len(masters) else WARN
    fix = f"set {min(master.mtu for _, master in low)} or less, or increase the MTU of the interface"
    yield entry.config.found(MTU_ABOVE_MASTER, problem, fix, "mtu", severity=severity)


def _bridge(entry: Entry, nodes: _Nodes) -> Iterator[Finding]:
    """An interface without a kind is hardware or unknown, so it is not reported."""
    name = node_needs.bridge_name(entry)
    having = nodes.interfaces(name)
    where = ("bridge",) if entry.config.has("bridge") else ()
    if name in _POD_BRIDGES and (having or (where and not nodes.nodes)):
        yield _default_network_bridge(entry, name, [node for node, _ in having], where)
    wrong = [(node, interface) for node, interface in having if interface.kind not in ("", BRIDGE)]
    if not wrong:
        return
    nodes_ = _names([node for node, _ in wrong])
    problem = (
        f"`bridge` {name} is not a bridge but a {wrong[0][1].kind} on {nodes_}: pods there cannot be attached"
    )
    severity = None if len(wrong) == len(nodes.nodes) else WARN
    yield entry.config.found(
        BRIDGE_KIND,
        problem,
        "use the name of a bridge, or one that does not exist yet",
        *where,
        severity=severity,
    )


def _default_network_bridge(
    entry: Entry, name: str, having: Sequence[NodeInventory], where: tuple[str, ...]
) -> Finding:
    on = f"on {_names(having)}" if having else "where flannel and similar plugins run"
    subject = f"`bridge` {name}" if where else f"no `bridge`, which means {name}: it"
    problem = f"{subject} is the bridge of the pods' default network {on}: the two networks share one layer 2 segment"
    return entry.config.found(BRIDGE_OF_DEFAULT, problem, 'use a separate bridge: "bridge": "br1"', *where)


def _binary(binary: Binary, nodes: _Nodes) -> Iterator[Finding]:
    view, kind = binary.view, binary.name
    without = nodes.without_plugin(kind)
    if not without:
        return
    if len(without) < len(nodes.with_plugins):
        problem = f"the plugin `{kind}` is not installed on {_names(without)}: pods there cannot be attached"
        yield view.found(PLUGIN_MISSING, problem, f"{_install(kind)} of these nodes", "type", severity=WARN)
        return
    close = nodes.close_plugin(kind, binary.ipam)
    fix = f"did you mean `{close}`?" if close else f"{_install(kind)} of the nodes"
    yield view.found(
        PLUGIN_MISSING,
        f"the plugin `{kind}` is not installed on {_every(nodes.with_plugins)}: no pod can be attached",
        fix,
        "type",
    )


def _install(kind: str) -> str:
    return f"install {kind} with the CNI plugins (in /opt/cni/bin, unless the platform has another directory)"


def _dhcp(ipam: ConfigView, nodes: _Nodes) -> Iterator[Finding]:
    """Without its daemon, the dhcp plugin fails both ADD and DEL. A network with a socket of its own is not validated."""
    reporting, without = nodes.dhcp
    if not without:
        return
    silent = [
        node for node in nodes.with_plugins if not node.dhcp and node.has_plugin(plugin_aliases.DHCP_TYPE)
    ]
    everywhere = len(without) == len(reporting) and not node_majority.is_outvoted(reporting, silent)
    where = _every(reporting) if everywhere else _names(without)
    pods = "no pod can be attached" if everywhere else "pods there cannot be attached"
    problem = f"no DHCP daemon is running on {where}: {pods} or detached"
    log = "check the log of netattach-daemon's container dhcp on these nodes"
    fix = f"{log}, or run a DHCP daemon on {plugin_aliases.DHCP_SOCKET}"
    yield ipam.found(DHCP_MISSING, problem, fix, "type", severity=None if everywhere else WARN)


def _fix(entry: Entry, nodes: _Nodes, name: str = "") -> str:
    usable = nodes.candidates(_MOVABLE_KINDS if entry.type == HOST_DEVICE else _USABLE_KINDS)
    if not usable:
        return "create the interface on the nodes" if name else _NOTHING_USABLE
    close = suggestions.closest(name, usable) if name else None
    if close:
        return f"did you mean `{close}`?"
    named = [f"{each}{_where(each, nodes)}" for each in usable]
    return f"use {named[0]}" if len(named) == 1 else f"use one of {', '.join(named)}"


def _where(name: str, nodes: _Nodes) -> str:
    """On which nodes the interface exists; "" where there is a single node."""
    having, all_ = [node.node for node, _ in nodes.interfaces(name)], len(nodes.nodes)
    if all_ == 1:
        return ""
    if len(having) == all_:
        return " (both nodes)" if all_ == 2 else f" (all {all_} nodes)"
    return f" (only {having[0]})" if len(having) == 1 else f" ({len(having)} of {all_} nodes)"


def candidates(nodes: Sequence[NodeInventory], kinds: Sequence[str] = _USABLE_KINDS) -> list[str]:
    """Names of interfaces that can be a `master`: those on most nodes first, then hardware before virtual ones; at most five.

    Bridges are listed only where there is nothing else: most of them were created by a plugin for the pods of one node.
    """
    having = Counter(interface.name for node in nodes for interface in node.interfaces)
    taken = {default.name for node in nodes for default in node.default_interfaces}
    ranked: dict[str, tuple[int, int]] = {}
    for node in nodes:
        for interface in node.interfaces:
            if interface.name not in taken and _usable(node, interface, kinds):
                ranked.setdefault(interface.name, (-having[interface.name], kinds.index(_kind(interface))))
    names = sorted(ranked, key=lambda name: (ranked[name], name))
    others = [name for name in names if kinds[ranked[name][1]] != BRIDGE]
    return (others or names)[:_MAX_CANDIDATES]


def _usable(node: NodeInventory, interface: Interface, kinds: Sequence[str]) -> bool:
    if interface.name == "lo" or not interface.up or interface.controller or _kind(interface) not in kinds:
        return False
    if interface.kind == "bridge" and interface.name in _CONTAINER_BRIDGES:
        return False
    return not _is_default(node, interface.parent)


def _kind(interface: Interface) -> str:
    """The kind of an interface; a veth with an address counts as hardware, since it is the NIC of a node in a container."""
    return "" if interface.kind == "veth" and interface.addresses else interface.kind


def _every(nodes: Sequence[NodeInventory]) -> str:
    return nodes[0].node if len(nodes) == 1 else f"any of the {len(nodes)} nodes"


def _names(nodes: Sequence[NodeInventory]) -> str:
    return and_more((node.node for node in nodes), _NAMED)


def _and(reasons: Sequence[str]) -> str:
    return " and ".join(reasons) if reasons else "is the default interface"
