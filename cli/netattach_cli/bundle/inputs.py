"""The objects that go into the archive. Secrets are never read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from netattach_cli.ask import bodies, installed
from netattach_cli.ask.contests import CONTESTED
from netattach_cli.bundle import redact
from netattach_cli.cluster.reader import Pending, Reader
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from netattach_core.api.objects import Body
from netattach_kube.resource import (
    CONFIG_MAPS,
    DAEMON_SETS,
    EVENTS,
    INVENTORIES,
    MUTATING_WEBHOOKS,
    NADS,
    NODES,
    PODS,
    VALIDATING_WEBHOOKS,
    Resource,
)

_DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
_REASONS = frozenset(
    {
        "AddedInterface",
        "FailedAttachment",
        "NetworkMissing",
        "NoNodeForNetworks",
        CONTESTED,
        "FailedCreatePodSandBox",
    }
)


def gather(reader: Reader) -> Mapping[str, Sequence[Body]]:
    """Redacted objects by the name of their file."""
    control, node = installed.CONTROL_NAMESPACE, installed.NODE_NAMESPACE
    kept = reader.kept
    found: dict[str, list[Pending[Body | None]]] = {
        "nodes": [kept(NODES, _always(redact.node))],
        "inventories": [kept(INVENTORIES, _always(redact.inventory))],
        "networks": [kept(NADS, _always(redact.network))],
        "pods-with-networks": [kept(PODS, _with_networks)],
        "netattach-pods": [kept(PODS, _always(redact.pod), namespace=each) for each in (control, node)],
        "workloads": [
            kept(_DEPLOYMENTS, _always(redact.workload), namespace=control),
            kept(DAEMON_SETS, _always(redact.workload), namespace=node),
        ],
        "events": [kept(EVENTS, _of_ours)],
        "webhooks": [kept(each, _webhooks) for each in (VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS)],
    }
    settings = reader.one(CONFIG_MAPS, installed.SETTINGS, namespace=node)
    read = {
        name: _sorted(each for pending in parts for each in pending.objects) for name, parts in found.items()
    }
    return {**read, "settings": [redact.settings(each) for each in settings.objects]}


def _always(change: Callable[[Body], Body]) -> Callable[[Body], Body | None]:
    return change


def _with_networks(body: Body) -> Body | None:
    annotations = bodies.annotations_of(body)
    return redact.pod(body) if NETWORKS in annotations or DEFAULT_NETWORK in annotations else None


def _of_ours(body: Body) -> Body | None:
    return redact.event(body) if bodies.text(body, "reason") in _REASONS else None


def _webhooks(body: Body) -> Body | None:
    return redact.webhooks(body) if "netattach" in bodies.name(body) else None


def _sorted(found: Iterable[Body | None]) -> list[Body]:
    return sorted(
        (each for each in found if each is not None), key=lambda each: (bodies.full_name(each), str(each))
    )
