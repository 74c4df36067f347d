"""Causes that need no Event: what a pod's own fields and its node's state show."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_cli.ask import bodies, copyable
from netattach_cli.explain.inputs import Facts
from netattach_cli.explain.messages import Failure, Phase
from netattach_cli.networks import on_nodes
from netattach_core.admission import pod_annotations
from netattach_core.api import networks_annotation
from netattach_core.api.networks_annotation import NETWORKS
from netattach_core.api.objects import Body
from netattach_core.errors import AnnotationError


def of_annotation(pod: Body) -> Iterator[Failure]:
    """An annotation that cannot be read, has no effect, or is misspelt."""
    annotations = bodies.annotations_of(pod)
    text = annotations.get(NETWORKS, "")
    if text.strip() and bodies.at(pod, "spec", "hostNetwork") is True:
        problem = "the pod has hostNetwork, so it has the node's interfaces and gets no networks"
        yield Failure("HostNetwork", Phase.ADMISSION, problem, "remove the annotation, or hostNetwork")
        return
    try:
        networks_annotation.parse(text, bodies.namespace(pod))
    except AnnotationError as error:
        fix = "correct the annotation; `kubectl netattach lint FILE` shows the place"
        yield Failure("AnnotationInvalid", Phase.RESOLVE, f"annotation {NETWORKS}: {error.message}", fix)
    if not text.strip():
        yield from _misspelt(annotations)


def _misspelt(annotations: dict[str, str]) -> Iterator[Failure]:
    for each in pod_annotations.check_keys(annotations, {}):
        fix = f"{each.fix} Create the pod again with it"
        yield Failure("AnnotationMisspelt", Phase.ADMISSION, each.problem, fix)


def of_missing_networks(facts: Facts) -> Iterator[Failure]:
    for namespace, name in facts.missing:
        problem = f"network {namespace}/{name}: there is no NetworkAttachmentDefinition {name!r} in namespace {namespace!r}"
        fix = "create the network, or correct the pod's annotation; a name without a namespace means the pod's own"
        yield Failure("NetworkUnknown", Phase.RESOLVE, problem, fix, f"{namespace}/{name}")


def of_node(facts: Facts) -> Iterator[Failure]:
    """What keeps the pod's networks from being ready on its node; nothing where the node cannot be read."""
    node = bodies.text(facts.pod, "spec", "nodeName")
    if not node or not facts.node.known or not facts.node.nodes:
        return
    fixes = f"kubectl netattach doctor node/{copyable.name(node, 'NODE')}"
    seen = set()
    for body in facts.networks:
        for each in on_nodes.of_network(body, facts.node):
            if each.node != node:
                continue
            for reason in each.reasons:
                is_of_node = reason.reason in {"DaemonNotReady", "NoInventory", "DefaultNetworkNotReady"}
                network = "" if is_of_node else bodies.full_name(body)
                if (reason.reason, network) not in seen:
                    seen.add((reason.reason, network))
                    yield Failure(reason.reason, Phase.RESOLVE, reason.message, fixes, network)
