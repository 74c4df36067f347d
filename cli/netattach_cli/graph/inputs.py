"""Networks, what decides on which nodes they are ready, and the pods that use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netattach_cli.cluster.reader import Reader
from netattach_cli.networks import inputs as networks_inputs
from netattach_cli.networks.inputs import NodeFacts
from netattach_cli.pods import inputs as pods_inputs
from netattach_cli.pods import pod_networks
from netattach_cli.pods.pod_networks import PodFacts
from netattach_core.api.node_state import UnmetPod
from netattach_core.api.objects import Body, Key
from netattach_kube.resource import PODS


@dataclass(frozen=True, slots=True)
class Facts:
    """`pods` are those of the same namespaces as the networks: of one, or of all."""

    networks: Sequence[Body] = ()
    nodes: NodeFacts = field(default_factory=NodeFacts)
    pods: Sequence[PodFacts] = ()
    unmet: Mapping[Key, UnmetPod] | None = None


def gather(reader: Reader, namespace: str, labels: str) -> Facts:
    """Everything at the same time; pods of other namespaces may use a network too."""
    networks = networks_inputs.networks(reader, namespace, labels)
    pods = reader.kept(PODS, pod_networks.facts, unknown="which pods use the networks is")
    nodes = networks_inputs.nodes(reader)
    return Facts(networks.objects, nodes, pods.objects, pods_inputs.lacking(nodes.inventories))
