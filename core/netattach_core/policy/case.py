"""What the rules see: one network, or one pod's request for a network, its namespace's policy, and what is known around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.text.finding import Finding, Rule, Severity
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


@dataclass(frozen=True, slots=True)
class NetworkCase:
    """A NAD's network: `root` is its text as written, `network` the chain as the plugins read it."""

    nad: Nad
    root: Node
    network: Network
    policy: NamespacePolicy
    around: Surroundings = NOTHING_KNOWN

    def parts(self) -> Iterator[Entry]:
        """The plugins of the chain."""
        yield from self.network.entries


def rule(id_: str, summary: str) -> Rule:
    """A rule of policy: settings for validation do not change its severity, `policy.mode` does."""
    return Rule(id_, Severity.DENY, summary, policy=True)


def ask(policy: NamespacePolicy, what: str) -> str:
    """The fix that only the cluster's owner can make: "ask your cluster's owner to …"."""
    return f"ask your cluster's owner to {what} (namespace {policy.namespace!r} has its level by {policy.source})"


Findings = Iterator[Finding]
