"""What the rules see: one network, or one pod's request for a network, its namespace's policy, and what is known around it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS, NetworkSelection
from netattach_core.api.objects import Key
from netattach_core.policy import members, plugin_parts
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.members import Value
from netattach_core.policy.plugin_parts import Part
from netattach_core.text.finding import Finding, Path, Rule, Severity
from netattach_core.text.json_document import Node
from netattach_core.validation import footprint_index
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.plugin_chain import Entry, Network
from netattach_core.validation.settings import NO_CLUSTER_NETWORKS, ClusterNetworks


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of the cluster: all nodes at admission, in the daemon its own node alone.

    `footprints` are the cluster's networks, an earlier version of the one concerned among them.
    """

    nodes: Sequence[NodeInventory] = ()
    cluster_networks: ClusterNetworks = NO_CLUSTER_NETWORKS
    footprints: FootprintIndex = footprint_index.NONE


NOTHING_KNOWN = Surroundings()


@dataclass(frozen=True)
class PluginCase:
    """One plugin of the chain; what is in its configuration is collected once for all rules."""

    entry: Entry

    @functools.cached_property
    def values(self) -> tuple[Value, ...]:
        """All values of the configuration, itself first, as `members.walk` finds them."""
        return tuple(members.walk(self.entry.raw.node, self.entry.raw.path))

    @functools.cached_property
    def keys(self) -> frozenset[str]:
        """The keys of all values: most rules look for a few that hardly any network has."""
        return frozenset(value.key for value in self.values)

    @functools.cached_property
    def parts(self) -> tuple[Part, ...]:
        """The plugin, and those to which it may delegate."""
        return tuple(plugin_parts.of_entry(self.entry))


@dataclass(frozen=True)
class NetworkCase:
    """A NAD's network: `root` is its text as written, `network` the chain as the plugins read it."""

    nad: Nad
    root: Node
    network: Network
    policy: NamespacePolicy
    around: Surroundings = NOTHING_KNOWN

    @functools.cached_property
    def plugins(self) -> tuple[PluginCase, ...]:
        """The plugins of the chain."""
        return tuple(map(PluginCase, self.network.entries))


@dataclass(frozen=True, slots=True)
class KnownDevices:
    """The ids of the devices that the kubelet gave to a pod itself, and to the other pods of its node."""

    own: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PodCase:
    """A pod's request: `default` replaces the default network, `networks` are the secondary ones, in the annotation's order.

    `nads` are those of the requested networks that exist; `policy` is that of the pod's namespace. `devices` are known on the
    pod's node alone.
    """

    policy: NamespacePolicy
    networks: Sequence[NetworkSelection] = ()
    default: NetworkSelection | None = None
    nads: Mapping[Key, Nad] = field(default_factory=dict)
    around: Surroundings = NOTHING_KNOWN
    devices: KnownDevices | None = None

    def selections(self) -> Iterator[tuple[Path, NetworkSelection]]:
        """Each requested network, with its place in the pod's annotations."""
        if self.default is not None:
            yield (DEFAULT_NETWORK, 0), self.default
        yield from (((NETWORKS, index), each) for index, each in enumerate(self.networks))

    def nad(self, selection: NetworkSelection) -> Nad | None:
        """None where it is not known, or where a file of the node has the network."""
        return self.nads.get((selection.namespace, selection.name))


def rule(id_: str, summary: str) -> Rule:
    """A rule of policy: settings for validation do not change its severity, `policy.mode` does."""
    return Rule(id_, Severity.DENY, summary, policy=True)


def ask(policy: NamespacePolicy, what: str) -> str:
    """The fix that only the cluster's owner can make: "ask your cluster's owner to …"."""
    return f"ask your cluster's owner to {what} (namespace {policy.namespace!r} has its level by {policy.source})"


Findings = Iterator[Finding]
