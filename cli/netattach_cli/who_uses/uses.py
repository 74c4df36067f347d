"""Who uses a network: pods that have it or ask for it, workloads whose pods will, and the settings that give it to each pod."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_cli.ask import bodies, installed
from netattach_cli.pods import pod_networks
from netattach_cli.who_uses.inputs import Facts
from netattach_core.admission import pod_templates
from netattach_core.api import networks_annotation
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.objects import Body
from netattach_core.errors import AnnotationError

POD = "Pod"
_KEY = "config.yaml"


@dataclass(frozen=True, slots=True)
class Use:
    """One user of the network. `requested` and `attached`: whether it asks for it, and has it; None where that is no question."""

    kind: str
    namespace: str
    name: str
    node: str = ""
    requested: bool = True
    attached: bool | None = None
    interface: str = ""
    addresses: Sequence[str] = ()
    reason: str = ""


def uses(network: str, facts: Facts) -> list[Use]:
    """Of a network, "namespace/name": pods first, in the order of their names."""
    found = [*_pods(network, facts), *_workloads(network, facts), *_settings(network, facts.settings)]
    return sorted(found, key=lambda use: (use.kind != POD, use.kind, use.namespace, use.name, use.interface))


def _pods(network: str, facts: Facts) -> Iterator[Use]:
    for pod in facts.pods:
        for each in pod_networks.networks_of(pod, facts.unmet, default=True).networks:
            if network in {each.requested, each.attached}:
                yield Use(
                    POD,
                    pod.namespace,
                    pod.name,
                    pod.node,
                    requested=each.requested == network,
                    attached=each.attached == network,
                    interface=each.interface,
                    addresses=each.addresses,
                    reason=each.reason,
                )


def _workloads(network: str, facts: Facts) -> Iterator[Use]:
    for kind, found in facts.workloads.items():
        for body in found:
            if not bodies.items(body, "metadata", "ownerReferences") and _asks(network, kind, body):
                yield Use(kind, bodies.namespace(body), bodies.name(body))


def _asks(network: str, kind: str, body: Body) -> bool:
    template = bodies.at(body, *pod_templates.PATHS[kind])
    found = bodies.annotations_of(template)
    texts = (
        found.get(key, "") for key in (networks_annotation.NETWORKS, networks_annotation.DEFAULT_NETWORK)
    )
    return any(network in _named(text, bodies.namespace(body)) for text in texts)


def _named(text: str, namespace: str) -> set[str]:
    try:
        return {each.full_name for each in networks_annotation.parse(text, namespace)}
    except AnnotationError:
        return set()


def _settings(network: str, body: Body | None) -> Iterator[Use]:
    """The text is YAML, and read only where it has the name."""
    text, (namespace, _, name) = bodies.text(body, "data", _KEY), network.partition("/")
    if name not in text:
        return
    settings = _read(text)
    where = bodies.text(settings, "networksNamespace") or SelectionSettings().namespace
    if where == namespace and name in bodies.texts(settings, "defaultNetworks"):
        yield Use(
            "ConfigMap",
            installed.NODE_NAMESPACE,
            installed.SETTINGS,
            reason="defaultNetworks",
        )


def _read(text: str) -> Mapping[str, Any]:
    import yaml  # noqa: PLC0415  # takes 20 ms, and is rarely needed

    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    return found if isinstance(found, Mapping) else {}
