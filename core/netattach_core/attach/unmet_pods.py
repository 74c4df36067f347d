"""Whether a pod that runs has the networks that it asks for, by the ledger and by what is in its network namespace.

An ADD attaches all networks or fails, so a sandbox that is attached had all that its pod asked for then.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from netattach_core.api import fair_share, network_selection, networks_annotation
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.node_state import MOST_UNMET, UnmetPod, UnmetPods, UnmetReason
from netattach_core.api.pod import PodRef
from netattach_core.attach.attached_pods import AttachedSandbox
from netattach_core.attach.sandbox import Phase
from netattach_core.errors import AnnotationError
from netattach_core.text.lists import and_more

_CHANGED_FIX = (
    "its annotation was changed while it ran; delete the pod, so that it is created again with its networks"
)
_MOST_NAMED = 10
"""Networks that a message names."""

_LONGEST_MESSAGE = 300

LONGEST = 16 * 1024
"""Characters of an annotation that is compared network by network, and the networks in it: a node looks at all its pods again and
again. For a longer one it only matters whether the pod was attached at all.
"""
_MOST_NETWORKS = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pod asks for: networks, "namespace/name", each as often as it asks for it.

    `by_settings` are those of `defaultNetworks`, `default` the one that replaces the default network, "" for none. `problem` is
    why the annotation cannot be read, "" where it can; one that `is_long` is not compared.
    """

    networks: tuple[str, ...] = ()
    by_settings: tuple[str, ...] = ()
    default: str = ""
    problem: str = ""
    is_long: bool = False

    def __bool__(self) -> bool:
        return bool(self.all or self.problem or self.is_long)

    @property
    def all(self) -> tuple[str, ...]:
        return (*((self.default,) if self.default else ()), *self.by_settings, *self.networks)


@dataclass(frozen=True, slots=True)
class InNamespace:
    """What was found of an attached sandbox: whether its namespace is gone, and the names of interfaces that it lacks."""

    gone: bool = False
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Unmet:
    """Why a pod lacks networks; `networks` is empty where its annotation cannot be read."""

    reason: UnmetReason
    networks: tuple[str, ...]
    message: str


def wanted(annotations: Mapping[str, str], namespace: str, settings: SelectionSettings) -> Wanted:
    """What the pod asks for by its annotations and the cluster's settings."""
    keys = (
        networks_annotation.NETWORKS,
        networks_annotation.DEFAULT_NETWORK,
        networks_annotation.SKIP_DEFAULT_NETWORKS,
    )
    return _wanted(tuple(annotations.get(key, "") for key in keys), namespace, settings)


@functools.lru_cache(maxsize=256)  # all pods of a node are looked at every few seconds
def _wanted(texts: tuple[str, ...], namespace: str, settings: SelectionSettings) -> Wanted:
    networks, default, skip = texts
    if len(networks) > LONGEST:
        return Wanted(is_long=True)
    annotations = {
        networks_annotation.NETWORKS: networks,
        networks_annotation.DEFAULT_NETWORK: default,
        networks_annotation.SKIP_DEFAULT_NETWORKS: skip,
    }
    try:
        selection = network_selection.of_pod(annotations, namespace, settings)
    except AnnotationError as error:
        return Wanted(problem=error.message)
    if len(selection.networks) > _MOST_NETWORKS:
        return Wanted(is_long=True)
    return Wanted(
        tuple(each.full_name for each in selection.networks),
        tuple(each.full_name for each in selection.cluster_defaults),
        selection.default.full_name if selection.default else "",
    )


def decide(
    asked: Wanted,
    sandboxes: Sequence[AttachedSandbox],
    found: Mapping[str, InNamespace],
) -> Unmet | None:
    """Why a running pod lacks networks, None where it has them or where a call for it is in progress.

    `sandboxes`: those of the pod in the ledger; `found`: what was found of each, by container ID, nothing for an unknown one.
    """
    if not asked or any(each.phase is Phase.ADDING for each in sandboxes):
        return None
    if not sandboxes:
        return Unmet(UnmetReason.NOT_ATTACHED, asked.all, _not_attached(asked))
    attached = [each for each in sandboxes if each.phase is Phase.ADDED]
    living = [each for each in attached if not found.get(each.container_id, InNamespace()).gone]
    if not living:
        message = f"the pod runs in another sandbox than the one that was attached to {_named(asked.all)}; delete the pod"
        return Unmet(UnmetReason.OTHER_SANDBOX, asked.all, message)
    return _link_is_missing(living[-1], found) or changed(asked, [link.network for link in living[-1].links])


def changed(asked: Wanted, attached: Iterable[str]) -> Unmet | None:
    """What the annotation asks for beyond what the pod was attached to, None for nothing."""
    if asked.problem:
        return Unmet(UnmetReason.ANNOTATION_CHANGED, (), f"{asked.problem}; {_CHANGED_FIX}")
    lacking = tuple((Counter(asked.networks) - Counter(attached)).elements())
    if not lacking:
        return None
    message = f"the pod is not attached to {_named(lacking)}: {_CHANGED_FIX}"
    return Unmet(UnmetReason.ANNOTATION_CHANGED, lacking, message)


def _link_is_missing(sandbox: AttachedSandbox, found: Mapping[str, InNamespace]) -> Unmet | None:
    missing = found.get(sandbox.container_id, InNamespace()).missing
    links = [link for link in sandbox.links if link.ifname in missing and link.key is not None]
    if not links:
        return None
    named = _named([f"{link.ifname} of network {link.network}" for link in links])
    message = f"the pod has lost interface {named}; delete the pod, so that it is attached again"
    return Unmet(UnmetReason.INTERFACE_MISSING, tuple(link.network for link in links), message)


def _not_attached(asked: Wanted) -> str:
    fix = "delete the pod, so that it is created again with its networks"
    if asked.problem:
        return f"the pod runs with the default network alone, and {asked.problem}"
    return f"the pod is not attached to {_named(asked.all)}: the container runtime started it without netattach; {fix}"


def _named(names: Collection[str]) -> str:
    return and_more(names, _MOST_NAMED) if names else "its networks"


def summary(unmet: Mapping[PodRef, Unmet]) -> UnmetPods:
    """What the inventory says of them: first those that run without what they asked for when they were created.

    The room is shared fairly among namespaces: the author of a pod can change its annotation, or remove its interface.
    """
    ordered = fair_share.first(
        unmet.items(),
        MOST_UNMET,
        namespace=lambda item: item[0].namespace,
        order=lambda item: (item[1].reason is UnmetReason.ANNOTATION_CHANGED, str(item[0])),
    )
    pods = [
        UnmetPod(
            ref.namespace,
            ref.name,
            ref.uid,
            each.networks[:_MOST_NAMED],
            each.reason,
            each.message[:_LONGEST_MESSAGE],
        )
        for ref, each in ordered
    ]
    return UnmetPods(len(unmet), tuple(pods))
