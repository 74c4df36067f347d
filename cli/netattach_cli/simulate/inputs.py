"""What a cluster has: networks, nodes, settings, and the labels of namespaces, which policy depends on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from netattach_cli.ask import bodies, installed
from netattach_cli.cluster.reader import Reader
from netattach_cli.networks import inputs as networks_inputs
from netattach_cli.networks import on_nodes
from netattach_cli.networks.inputs import NodeFacts
from netattach_core import admission
from netattach_core.admission import NetworkUsers
from netattach_core.api import nad
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.objects import Body, Key
from netattach_core.errors import ConfigError
from netattach_core.policy import levels
from netattach_core.policy.levels import NamespacePolicy
from netattach_kube import cluster_settings
from netattach_kube.cluster_settings import ClusterSettings
from netattach_kube.resource import CONFIG_MAPS, NADS, NAMESPACES, PODS

_ENDED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class Facts:
    """`settings_problem` is why the cluster's own could not be used; those of a new cluster are used then.

    `pods` have metadata only; they are those that run, where a network is changed, else none.
    """

    networks: Mapping[Key, Body] = field(default_factory=dict)
    nodes: NodeFacts = field(default_factory=NodeFacts)
    inventories: Mapping[str, NodeInventory] = field(default_factory=dict)
    settings: ClusterSettings = field(default_factory=ClusterSettings)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    settings_problem: str = ""
    pods: Sequence[Body] = ()
    networks_known: bool = True

    def policy(self, namespace: str) -> NamespacePolicy:
        return levels.of_namespace(self.settings.policy, namespace, self.labels.get(namespace, {}))

    def users(self, network: Key) -> NetworkUsers:
        """The pods that use a network, or will."""
        selection = self.settings.validation.selection
        found = (each for each in self.pods if admission.uses(each, network, selection))
        return NetworkUsers(tuple(sorted((bodies.namespace(each), bodies.name(each)) for each in found)))

    def nads(self) -> dict[Key, Nad]:
        """All networks whose config is a text."""
        found = {}
        for key, body in self.networks.items():
            try:
                found[key] = nad.from_body(body)
            except ConfigError:
                continue
        return found


def gather(reader: Reader, applied: Collection[Key] = ()) -> Facts:
    """Everything at the same time; then pods, where a network that is `applied` exists already."""
    networks = reader.many(NADS, unknown="which networks there are is")
    namespaces = reader.many(NAMESPACES, unknown="the policy of namespaces by their labels is")
    settings = reader.one(
        CONFIG_MAPS,
        installed.SETTINGS,
        namespace=installed.NODE_NAMESPACE,
        unknown="what the cluster's settings change is",
    )
    nodes = networks_inputs.nodes(reader)
    read, problem = _settings(settings.first)
    there = {(bodies.namespace(each), bodies.name(each)): each for each in networks.objects}
    return Facts(
        there,
        nodes,
        on_nodes.read_inventories(nodes.inventories),
        read,
        {bodies.name(each): _labels(each) for each in namespaces.objects},
        problem,
        _pods(reader) if not there.keys().isdisjoint(applied) else (),
        networks.known,
    )


def _pods(reader: Reader) -> list[Body]:
    """Not those that have ended: they use no network."""
    found = reader.kept(PODS, _running, unknown="which pods use the networks is")
    return [each for each in found.objects if each is not None]


def _running(body: Body) -> Body | None:
    ended = bodies.text(body, "status", "phase") in _ENDED
    return None if ended else {"metadata": bodies.mapping(body, "metadata")}


def _settings(body: Body | None) -> tuple[ClusterSettings, str]:
    if body is None:
        return ClusterSettings(), ""
    try:
        return cluster_settings.from_config_map(body), ""
    except (ConfigError, RecursionError) as error:
        return (
            ClusterSettings(),
            f"the cluster's settings are invalid, those of a new cluster are used: {error}",
        )


def _labels(body: Body) -> dict[str, str]:
    found = bodies.mapping(body, "metadata", "labels")
    return {key: value for key, value in found.items() if isinstance(value, str)}
