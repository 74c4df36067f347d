"""Which networks a pod gets: what its annotations ask for, what the cluster gives to all, and what is kept from its namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netattach_core.api import networks_annotation
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.errors import AnnotationError


@dataclass(frozen=True, slots=True)
class SelectionSettings:
    """The cluster's say in it.

    `primary` names the node's file of the default network, by its name or the network's ("": the first one); `defaults` are the
    networks that every pod gets besides, but in the system namespaces. `namespace` is where bare names of both and of the
    default-network annotation are looked for. With `isolated` pods use networks of their own namespace and of the global ones.
    """

    primary: str = ""
    defaults: tuple[str, ...] = ()
    system_namespaces: frozenset[str] = frozenset({"kube-system"})
    namespace: str = "kube-system"
    isolated: bool = False
    global_namespaces: frozenset[str] = frozenset({"default"})

    def reaches(self, namespace: str, network_namespace: str) -> bool:
        """Whether pods of a namespace may use the networks of another one."""
        return (
            not self.isolated or namespace == network_namespace or network_namespace in self.global_namespaces
        )


DEFAULTS = SelectionSettings()


@dataclass(frozen=True, slots=True)
class PodSelection:
    """What one pod gets: `default` in the place of the node's primary, `given` by the cluster, `networks` as it asks."""

    default: NetworkSelection | None = None
    given: tuple[NetworkSelection, ...] = ()
    networks: tuple[NetworkSelection, ...] = ()


def of_pod(annotations: Mapping[str, str], own: str, settings: SelectionSettings) -> PodSelection:
    """From the annotations of a pod in the namespace `own`. Raises AnnotationError, which names the annotation."""
    key = networks_annotation.DEFAULT_NETWORK
    try:
        default = default_of(annotations.get(key, ""), own, settings)
        key = networks_annotation.NETWORKS
        networks = networks_annotation.parse(annotations.get(key, ""), own)
        _check_isolation(networks, own, settings)
    except AnnotationError as error:
        raise AnnotationError(f"annotation {key}: {error.message}") from error
    return PodSelection(default, given(annotations, own, settings), networks)


def default_of(text: str, own: str, settings: SelectionSettings) -> NetworkSelection | None:
    """What a pod asks for in the place of the primary; isolation holds here too (Multus has none). Raises AnnotationError."""
    default = networks_annotation.parse_default(text, settings.namespace)
    _check_isolation([default] if default else [], own, settings)
    return default


def given(
    annotations: Mapping[str, str], own: str, settings: SelectionSettings
) -> tuple[NetworkSelection, ...]:
    """The cluster default networks of a pod; an administrator gave them, so isolation is no question."""
    if (
        own in settings.system_namespaces
        or annotations.get(networks_annotation.SKIP_DEFAULT_NETWORKS) == "true"
    ):
        return ()
    return tuple(NetworkSelection(settings.namespace, name) for name in settings.defaults)


def isolation(settings: SelectionSettings, own: str, network_namespace: str) -> tuple[str, str]:
    """Why pods of `own` may not use a namespace's networks, and what to do; nothing is told of what exists there."""
    shared = ", ".join(sorted(settings.global_namespaces)) or "none"
    problem = (
        f"networks of namespace {network_namespace!r} are not for pods of {own!r}: the cluster isolates namespaces, and "
        f"its global ones are {shared}"
    )
    return problem, f"use a network of {own!r}, or have {network_namespace!r} added to globalNamespaces"


def _check_isolation(selections: Iterable[NetworkSelection], own: str, settings: SelectionSettings) -> None:
    for each in selections:
        if not settings.reaches(own, each.namespace):
            raise AnnotationError("; ".join(isolation(settings, own, each.namespace)))
