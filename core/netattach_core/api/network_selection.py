"""The networks that a pod gets: those that its annotations request and the cluster's default networks, under isolation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netattach_core.api import networks_annotation
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.errors import AnnotationError


@dataclass(frozen=True, slots=True)
class SelectionSettings:
    """The cluster's settings for network selection.

    `primary` is the default network on the nodes, by file name or network name ("": the first file); `defaults` are the networks
    that each pod gets in addition, except in `system_namespaces`. Bare names of both, and of the default-network annotation, are
    resolved in `namespace`. With `isolated`, pods may only use networks of their own namespace and of `global_namespaces`.
    """

    primary: str = ""
    defaults: tuple[str, ...] = ()
    system_namespaces: frozenset[str] = frozenset({"kube-system"})
    namespace: str = "kube-system"
    isolated: bool = False
    global_namespaces: frozenset[str] = frozenset({"default"})

    def reaches(self, namespace: str, network_namespace: str) -> bool:
        """Whether pods of a namespace may use the networks of another namespace."""
        return (
            not self.isolated or namespace == network_namespace or network_namespace in self.global_namespaces
        )


DEFAULTS = SelectionSettings()


@dataclass(frozen=True, slots=True)
class PodSelection:
    """The networks of one pod.

    `default` replaces the node's default network, `cluster_defaults` come from the cluster's settings, and `networks` are those
    that the pod requests.
    """

    default: NetworkSelection | None = None
    cluster_defaults: tuple[NetworkSelection, ...] = ()
    networks: tuple[NetworkSelection, ...] = ()


def of_pod(annotations: Mapping[str, str], pod_namespace: str, settings: SelectionSettings) -> PodSelection:
    """The selection by a pod's annotations. Raises AnnotationError, which names the annotation."""
    key = networks_annotation.DEFAULT_NETWORK
    try:
        default = default_of(annotations.get(key, ""), pod_namespace, settings)
        key = networks_annotation.NETWORKS
        networks = networks_annotation.parse(annotations.get(key, ""), pod_namespace)
        _check_isolation(networks, pod_namespace, settings)
    except AnnotationError as error:
        raise AnnotationError(f"annotation {key}: {error.message}") from error
    return PodSelection(default, cluster_defaults(annotations, pod_namespace, settings), networks)


def default_of(text: str, pod_namespace: str, settings: SelectionSettings) -> NetworkSelection | None:
    """The network that a pod requests as its default network. Raises AnnotationError.

    Isolation applies here too; Multus does not check it for this annotation.
    """
    default = networks_annotation.parse_default(text, settings.namespace)
    _check_isolation([default] if default else [], pod_namespace, settings)
    return default


def cluster_defaults(
    annotations: Mapping[str, str], pod_namespace: str, settings: SelectionSettings
) -> tuple[NetworkSelection, ...]:
    """The cluster's default networks for a pod. An administrator chose them, so isolation does not apply."""
    if (
        pod_namespace in settings.system_namespaces
        or annotations.get(networks_annotation.SKIP_DEFAULT_NETWORKS) == "true"
    ):
        return ()
    return tuple(NetworkSelection(settings.namespace, name) for name in settings.defaults)


def isolation(settings: SelectionSettings, pod_namespace: str, network_namespace: str) -> tuple[str, str]:
    """The problem and fix for a network that isolation forbids; they do not reveal whether the network exists."""
    shared = ", ".join(sorted(settings.global_namespaces)) or "none"
    problem = (
        f"pods in namespace {pod_namespace!r} cannot use networks in namespace {network_namespace!r}: namespace isolation is "
        f"enabled, and the global namespaces are {shared}"
    )
    fix = f"use a network in {pod_namespace!r}, or ask an administrator to add {network_namespace!r} to globalNamespaces"
    return problem, fix


def _check_isolation(
    selections: Iterable[NetworkSelection], pod_namespace: str, settings: SelectionSettings
) -> None:
    for each in selections:
        if not settings.reaches(pod_namespace, each.namespace):
            raise AnnotationError("; ".join(isolation(settings, pod_namespace, each.namespace)))
