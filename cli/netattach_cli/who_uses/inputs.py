"""What may use a network: pods and workloads of all namespaces, and the cluster's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netattach_cli.ask import installed
from netattach_cli.cluster.reader import Reader
from netattach_cli.pods import inputs as pods_inputs
from netattach_cli.pods import pod_networks
from netattach_cli.pods.pod_networks import PodFacts
from netattach_core.api.node_state import UnmetPod
from netattach_core.api.objects import Body, Key
from netattach_kube.resource import CONFIG_MAPS, DAEMON_SETS, INVENTORIES, PODS, Resource

WORKLOADS = (
    Resource("apps", "v1", "deployments", "Deployment"),
    Resource("apps", "v1", "statefulsets", "StatefulSet"),
    DAEMON_SETS,
    Resource("batch", "v1", "jobs", "Job"),
    Resource("batch", "v1", "cronjobs", "CronJob"),
)
"""Kinds with a pod template."""


@dataclass(frozen=True, slots=True)
class Facts:
    """`workloads` by kind. `settings` is the ConfigMap's body, None where there is none or it could not be read."""

    pods: Sequence[PodFacts]
    unmet: Mapping[Key, UnmetPod]
    workloads: Mapping[str, Sequence[Body]]
    settings: Body | None


def gather(reader: Reader) -> Facts:
    """Everything at the same time."""
    pods = reader.kept(PODS, pod_networks.facts, unknown="which pods use the network is")
    inventories = reader.many(INVENTORIES, unknown="which pods have lost the network is")
    workloads = {
        each.kind: reader.many(each, unknown=f"which {each.plural} ask for the network is")
        for each in WORKLOADS
    }
    settings = reader.one(
        CONFIG_MAPS,
        installed.SETTINGS,
        namespace=installed.NODE_NAMESPACE,
        unknown="whether each pod gets the network is",
    )
    return Facts(
        pods.objects,
        pods_inputs.lacking(inventories.objects),
        {kind: found.objects for kind, found in workloads.items()},
        settings.first,
    )
