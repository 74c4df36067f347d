"""Pods, and what the daemons report of those that lack networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netattach_cli.ask import unmet
from netattach_cli.cluster.reader import Pending, Reader
from netattach_cli.pods import pod_networks
from netattach_cli.pods.pod_networks import PodFacts
from netattach_core.api.node_state import UnmetPod
from netattach_core.api.objects import Body, Key
from netattach_kube.resource import INVENTORIES, PODS


@dataclass(frozen=True, slots=True)
class Facts:
    """`missing` are names that were asked for and are no pods."""

    pods: Sequence[PodFacts]
    unmet: dict[Key, UnmetPod]
    missing: Sequence[str] = ()


def gather(reader: Reader, namespace: str, names: Sequence[str], labels: str) -> Facts:
    """The pods of a namespace, "" for all, or those with these names."""
    inventories = reader.many(INVENTORIES, unknown="which of these pods have lost a network is")
    if not names:
        pods = reader.kept(
            PODS,
            pod_networks.facts,
            namespace=namespace,
            labels=labels,
            unknown="the networks of these pods are",
        )
        return Facts(pods.objects, lacking(inventories.objects))
    asked = {name: _one(reader, name, namespace) for name in dict.fromkeys(names)}
    found = [pod_networks.facts(each.first) for each in asked.values() if each.first]
    missing = [name for name, each in asked.items() if each.known and not each.first]
    return Facts(found, lacking(inventories.objects), missing)


def lacking(inventories: Iterable[Body]) -> dict[Key, UnmetPod]:
    """The pods that lack networks, of all nodes."""
    return pod_networks.unmet_pods(pod for body in inventories for pod in unmet.pods(body))


def _one(reader: Reader, name: str, namespace: str) -> Pending[Body]:
    """`name` may have its namespace before it, as tables show it: namespace/name."""
    before, slash, after = name.partition("/")
    return reader.one(PODS, after if slash else name, namespace=before if slash else namespace)
