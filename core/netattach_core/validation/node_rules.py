"""Rule group 4, the nodes: interfaces and binaries, as the inventories know them."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence

from netattach_core.api.inventory import Interface, NodeInventory
from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE, Nad
from netattach_core.attach import dhcp_leases
from netattach_core.plugins import known_types
from netattach_core.plugins.view import View
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.validation import nested_delegate
from netattach_core.validation.memoize import once_for_the_latest
from netattach_core.validation.plugin_chain import Entry, Network

DENY, WARN = Severity.DENY, Severity.WARN

MASTER_DEFAULT = Rule("master-default-interface", DENY, "the interface that carries the node's own traffic")
MASTER_ABOVE_DEFAULT = Rule(
    "master-on-default-interface", WARN, "a VLAN of the interface that carries the node's traffic"
)
MASTER_OMITTED = Rule("master-omitted", WARN, "no `master`: the node's default-route interface is taken")
MASTER_MISSING = Rule("master-missing-on-node", DENY, "an interface that nodes do not have")
MTU_ABOVE_MASTER = Rule("mtu-above-master", DENY, "an MTU above that of the interface below")
BRIDGE_KIND = Rule("bridge-of-another-kind", DENY, "a bridge's name that an interface of another kind has")
BRIDGE_PRIMARY = Rule("bridge-of-default-network", WARN, "the bridge of the pods' default network")
PLUGIN_MISSING = Rule("plugin-missing", DENY, "a plugin whose binary is not on the nodes")
DHCP_MISSING = Rule("dhcp-daemon-missing", DENY, "addresses by DHCP where no dhcp daemon runs")

RULES = (
    MASTER_DEFAULT,
    MASTER_ABOVE_DEFAULT,
    MASTER_OMITTED,
    MASTER_MISSING,
    MTU_ABOVE_MASTER,
    BRIDGE_KIND,
    BRIDGE_PRIMARY,
    PLUGIN_MISSING,
    DHCP_MISSING,
)

_BRIDGE = "bridge"

_NAMED = 10
"""Nodes that a message names; the rest is counted."""

_CANDIDATES = 5
_USABLE_KINDS = ("", "bond", "team", "vlan", _BRIDGE)
"""Links that lead somewhere. Hardware has no kind. Order is preference."""

_MOVABLE_KINDS = ("",)
_NOTHING_USABLE = f"add an interface to the nodes, or annotate the NAD with {ALLOW_DEFAULT_INTERFACE}: 'true'"
_POD_BRIDGES = {"cni0", "cbr0", "kube-bridge", "weave"}
_PRIMARY_BRIDGES = {*_POD_BRIDGES, "docker0", "podman0", "virbr0"}
_REFUSES_LARGE_MTU = {"macvlan", "vlan"}


def check(network: Network, nad: Nad, nodes: Sequence[NodeInventory]) -> Iterator[Finding]:
    """Each plugin's interface and binaries. An inventory without interfaces, or without plugins, knows nothing of them."""
    allowed = nad.annotations.get(ALLOW_DEFAULT_INTERFACE) == "true"
    known = _known(nodes)
    for entry in network.entries:
        if _uses_node_interface(entry):
            yield from _interface(entry, known, allowed=allowed)
        if entry.type == _BRIDGE:
            yield from _bridge(entry, known)
        yield from _binary(entry.conf, entry.binary, known, ipam=False)
        handed_on = nested_delegate.of(entry)
        if handed_on is not None:
            yield from _binary(handed_on, handed_on.text("type") or "", known, ipam=False)
        if entry.ipam is not None:
            yield from _binary(entry.ipam, entry.ipam_type, known, ipam=True)
        if entry.ipam is not None and entry.ipam_type == dhcp_leases.TYPE:
            yield from _dhcp(entry.ipam, known)


_REMEMBERED = 1024
"""Names; authors choose them."""


class _Known:
    """What the inventories say, each thing looked up once: a configuration may name one interface in a thousand plugins."""

    def __init__(self, nodes: Sequence[NodeInventory]) -> None:
        self.nodes = [node for node in nodes if node.interfaces]
        self.with_plugins = [node for node in nodes if node.plugins]
        remembered = functools.lru_cache(_REMEMBERED)
        self.interfaces = remembered(self._interfaces)
        self.defaults = remembered(self._defaults)
        self.candidates = remembered(self._candidates)
        self.without_plugin = remembered(self._without_plugin)
        self.close_plugin = remembered(self._close_plugin)

    def _interfaces(self, name: str) -> list[tuple[NodeInventory, Interface]]:
        """The interface of this name, and the nodes that have one."""
        return [(node, found) for node in self.nodes if (found := node.interface(name))]

    def _defaults(self, name: str) -> list[tuple[NodeInventory, tuple[str, ...]]]:
        """The nodes whose default interface it is, and why."""
        hits = [(node, reasons) for node in self.nodes if (reasons := node.default_reasons(name))]
        return hits + [
            (node, ("is a default interface",))
            for node in self.nodes
            if _is_default(node, name) and not node.default_reasons(name)
        ]

    def _candidates(self, kinds: tuple[str, ...]) -> list[str]:
        return candidates(self.nodes, kinds)

    def _without_plugin(self, kind: str) -> list[NodeInventory]:
        return [node for node in self.with_plugins if not node.has_plugin(kind)]

    def _close_plugin(self, kind: str, ipam: bool) -> str | None:  # noqa: FBT001  # it is a key of the cache
        close = suggestions.closest(kind, self.plugins)
        return close or suggestions.closest(
            kind, [known for known in known_types(ipam=ipam) if known != kind]
        )

    @functools.cached_property
    def plugins(self) -> list[str]:
        return sorted({plugin.name for node in self.with_plugins for plugin in node.plugins})

    @functools.cached_property
    def dhcp(self) -> tuple[list[NodeInventory], list[NodeInventory]]:
        """Nodes that tell of their dhcp daemon, and those of them where none runs. Without its binary another rule speaks."""
        told = [node for node in self.with_plugins if node.dhcp and node.has_plugin(dhcp_leases.TYPE)]
        return told, [node for node in told if node.dhcp and not node.dhcp.running]

    @functools.cached_property
    def first_default(self) -> NodeInventory | None:
        return next((node for node in self.nodes if node.default_interfaces), None)


def _uses_node_interface(entry: Entry) -> bool:
    """With `linkInContainer` the master is in the pod; a chained ipvlan takes the interface of the plugin before it."""
    if entry.plugin is None or not entry.plugin.interface_key or entry.conf.flag("linkInContainer"):
        return False
    return not (entry.type == "ipvlan" and entry.context.chained)


_known = once_for_the_latest(_Known)


def _interface(entry: Entry, nodes: _Known, *, allowed: bool) -> Iterator[Finding]:
    key = entry.plugin.interface_key if entry.plugin else ""
    name = entry.conf.text(key)
    if name:
        if not allowed:
            yield from _default(entry, key, name, nodes)
        yield from _missing(entry, key, name, nodes)
        yield from _mtu(entry, name, nodes)
    elif (
        entry.plugin and entry.plugin.uses_default_route_interface and (name == "" or not entry.conf.has(key))
    ):
        yield from _omitted(entry, key, nodes, allowed=allowed)


def _omitted(entry: Entry, key: str, nodes: _Known, *, allowed: bool) -> Iterator[Finding]:
    """MV5; the same safety rule as for a named one."""
    hit = nodes.first_default
    if hit is None or allowed:
        problem = (
            f"no `{key}`: {entry.type} takes the interface of the node's default route, whichever that is"
        )
        yield entry.conf.found(MASTER_OMITTED, problem, f'name the interface: "{key}": "eth1"')
        return
    default = hit.default_interfaces[0]
    problem = (
        f"no `{key}`, so {entry.type} takes the interface of the node's default route: {default.name} on {hit.node}, which "
        f"{_and(default.reasons)}. Pods must not share it with the node's own network"
    )
    yield entry.conf.found(MASTER_DEFAULT, problem, _fix(entry, nodes))


def _default(entry: Entry, key: str, name: str, nodes: _Known) -> Iterator[Finding]:
    hits = nodes.defaults(name)
    if hits:
        node, reasons = hits[0]
        more = f" (and on {len(hits) - 1} more)" if len(hits) > 1 else ""
        effect = (
            "would be taken away from the node"
            if entry.type == "host-device"
            else "must not be shared with pods"
        )
        problem = (
            f"`{key}` {name} is a default interface of {node.node}{more}: it {_and(reasons)}. It {effect}"
        )
        yield entry.conf.found(MASTER_DEFAULT, problem, _fix(entry, nodes), key)
        return
    for node, interface in nodes.interfaces(name):
        below = _vlan_parent(interface)
        if below and _is_default(node, below):
            problem = f"`{key}` {name} is a VLAN of {below}, which is a default interface of {node.node}"
            yield entry.conf.found(
                MASTER_ABOVE_DEFAULT, problem, "make sure that this VLAN is not the node's own", key
            )
            return


def _is_default(node: NodeInventory, name: str) -> bool:
    return any(default.name == name for default in node.default_interfaces)


def _vlan_parent(interface: Interface) -> str:
    return interface.parent if interface.kind == "vlan" else ""


def _missing(entry: Entry, key: str, name: str, nodes: _Known) -> Iterator[Finding]:
    having = nodes.interfaces(name)
    if len(having) == len(nodes.nodes):
        return
    everywhere = not having
    if everywhere and ":" in name:
        problem = f"`{key}` {name} is a label of an address, not an interface; no node has an interface of that name"
    elif everywhere:
        problem = f"`{key}` {name} is not an interface of {_every(nodes.nodes)}"
    else:
        there = {node.node for node, _ in having}
        without = [node for node in nodes.nodes if node.node not in there]
        problem = f"`{key}` {name} is not an interface of {_names(without)}: pods there cannot be attached"
    severity = None if everywhere else WARN
    yield entry.conf.found(MASTER_MISSING, problem, _fix(entry, nodes, name), key, severity=severity)


def _mtu(entry: Entry, name: str, nodes: _Known) -> Iterator[Finding]:
    """MV3, VL4."""
    mtu = entry.conf.integer("mtu")
    if not mtu or entry.type not in _REFUSES_LARGE_MTU:
        return
    masters = nodes.interfaces(name)
    low = [(node, master) for node, master in masters if 0 < master.mtu < mtu]
    if not low:
        return
    problem = (
        f"`mtu` {mtu} is above that of {name} on {_names([node for node, _ in low])}; {entry.type} refuses it"
    )
    severity = None if len(low) == len(masters) else WARN
    fix = f"write {min(master.mtu for _, master in low)} or less, or raise the interface's MTU"
    yield entry.conf.found(MTU_ABOVE_MASTER, problem, fix, "mtu", severity=severity)


def _bridge(entry: Entry, nodes: _Known) -> Iterator[Finding]:
    """BR12. Of a link without a kind nothing is said: it is a card, or nobody knows what."""
    name = entry.conf.text("bridge") or "cni0"
    having = nodes.interfaces(name)
    where = ("bridge",) if entry.conf.has("bridge") else ()
    if name in _POD_BRIDGES and (having or (where and not nodes.nodes)):
        yield _primary_bridge(entry, name, [node for node, _ in having], where)
    wrong = [(node, interface) for node, interface in having if interface.kind not in ("", _BRIDGE)]
    if not wrong:
        return
    nodes_ = _names([node for node, _ in wrong])
    problem = (
        f"`bridge` {name} is no bridge but a {wrong[0][1].kind} on {nodes_}: pods there cannot be attached"
    )
    severity = None if len(wrong) == len(nodes.nodes) else WARN
    yield entry.conf.found(
        BRIDGE_KIND, problem, "name a bridge, or one that is not there yet", *where, severity=severity
    )


def _primary_bridge(
    entry: Entry, name: str, having: Sequence[NodeInventory], where: tuple[str, ...]
) -> Finding:
    """BR20."""
    on = f"on {_names(having)}" if having else "where flannel and others run"
    said = f"`bridge` {name}" if where else f"no `bridge`, which means {name}: it"
    problem = (
        f"{said} is the bridge of the pods' default network {on}: this network and that one are then the same"
    )
    return entry.conf.found(BRIDGE_PRIMARY, problem, 'name a bridge of its own: "bridge": "br1"', *where)


def _binary(view: View, kind: str, nodes: _Known, *, ipam: bool) -> Iterator[Finding]:
    """G15."""
    without = nodes.without_plugin(kind)
    if not kind or "/" in kind or not without:
        return
    if len(without) < len(nodes.with_plugins):
        problem = f"the plugin `{kind}` is not on {_names(without)}: pods there cannot be attached"
        yield view.found(
            PLUGIN_MISSING, problem, f"install {kind} in /opt/cni/bin there", "type", severity=WARN
        )
        return
    close = nodes.close_plugin(kind, ipam)
    fix = f"did you mean `{close}`?" if close else f"install {kind} in /opt/cni/bin of the nodes"
    yield view.found(
        PLUGIN_MISSING,
        f"the plugin `{kind}` is not on {_every(nodes.with_plugins)}: no pod can be attached",
        fix,
        "type",
    )


def _dhcp(ipam: View, nodes: _Known) -> Iterator[Finding]:
    """DH3: without its daemon neither ADD nor DEL succeeds. Nothing is known of a socket that the network names itself."""
    told, without = nodes.dhcp
    if not without or ipam.text("daemonSocketPath") not in (None, "", dhcp_leases.SOCKET):
        return
    everywhere = len(without) == len(told)
    where = _every(told) if everywhere else _names(without)
    pods = "no pod can be attached" if everywhere else "pods there cannot be attached"
    problem = f"no dhcp daemon runs on {where}: {pods}, nor detached"
    fix = (
        f"see in the log of netattach-daemon why it does not start there, or run one at {dhcp_leases.SOCKET}"
    )
    yield ipam.found(DHCP_MISSING, problem, fix, "type", severity=None if everywhere else WARN)


def _fix(entry: Entry, nodes: _Known, name: str = "") -> str:
    usable = nodes.candidates(_MOVABLE_KINDS if entry.type == "host-device" else _USABLE_KINDS)
    if not usable:
        return "add the interface to the nodes" if name else _NOTHING_USABLE
    close = suggestions.closest(name, usable) if name else None
    if close:
        return f"did you mean `{close}`?"
    named = [f"{each}{_where(each, nodes)}" for each in usable]
    return f"use {named[0]}" if len(named) == 1 else f"use one of {', '.join(named)}"


def _where(name: str, nodes: _Known) -> str:
    """On which of several nodes it is there."""
    having, all_ = [node.node for node, _ in nodes.interfaces(name)], len(nodes.nodes)
    if all_ == 1:
        return ""
    if len(having) == all_:
        return " (both nodes)" if all_ == 2 else f" (all {all_} nodes)"
    return f" ({having[0]} alone)" if len(having) == 1 else f" ({len(having)} of {all_} nodes)"


def candidates(nodes: Sequence[NodeInventory], kinds: Sequence[str] = _USABLE_KINDS) -> list[str]:
    """Interfaces that would do: those of most nodes first, then hardware before what is built on it.

    A bridge is named only where nothing else is there: most of them are made by a plugin for the pods of their own node.
    """
    having = Counter(interface.name for node in nodes for interface in node.interfaces)
    taken = {default.name for node in nodes for default in node.default_interfaces}
    ranked: dict[str, tuple[int, int]] = {}
    for node in nodes:
        for interface in node.interfaces:
            if interface.name not in taken and _usable(node, interface, kinds):
                ranked.setdefault(interface.name, (-having[interface.name], kinds.index(_kind(interface))))
    names = sorted(ranked, key=lambda name: (ranked[name], name))
    others = [name for name in names if kinds[ranked[name][1]] != _BRIDGE]
    return (others or names)[:_CANDIDATES]


def _usable(node: NodeInventory, interface: Interface, kinds: Sequence[str]) -> bool:
    if interface.name == "lo" or not interface.up or interface.controller or _kind(interface) not in kinds:
        return False
    if interface.kind == "bridge" and interface.name in _PRIMARY_BRIDGES:
        return False
    return not _is_default(node, interface.parent)


def _kind(interface: Interface) -> str:
    """A veth with an address is the card of a node that is a container; one without leads to a pod."""
    return "" if interface.kind == "veth" and interface.addresses else interface.kind


def _every(nodes: Sequence[NodeInventory]) -> str:
    return nodes[0].node if len(nodes) == 1 else f"any of the {len(nodes)} nodes"


def _names(nodes: Sequence[NodeInventory]) -> str:
    named = ", ".join(node.node for node in nodes[:_NAMED])
    return named if len(nodes) <= _NAMED else f"{named} and {len(nodes) - _NAMED} more"


def _and(reasons: Sequence[str]) -> str:
    return " and ".join(reasons) if reasons else "is the default interface"
