"""Which pods use which NAD: an index for the status, for warnings and for protection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from netattach_core.api import networks_annotation
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.api.objects import Body, Key
from netattach_core.errors import AnnotationError

RUNNING = "status.phase!=Succeeded,status.phase!=Failed"
"""The field selector of pods that count: the others have released their networks."""


PAUSE = 0.5
"""Seconds between two reads of a watch of all pods, each of which changes about seven times in its life."""


def networks_of(body: Body, default_namespace: str) -> str | None:
    """The networks that a pod asks for, as text; None where it asks for none.

    The annotation itself, or, where the pod asks for another default network too, both in the comma-separated form.
    `default_namespace` is that of a default network without one.
    """
    annotations = body["metadata"].get("annotations") or {}
    networks = annotations.get(networks_annotation.NETWORKS)
    default = annotations.get(networks_annotation.DEFAULT_NETWORK)
    if not default:
        return networks or None
    namespace = body["metadata"].get("namespace", "")
    both = [*_selected(default, default_namespace), *_selected(networks or "", namespace)]
    return ",".join(each.full_name for each in both) or None


class PodsByNad:
    """The index, updated with the networks of each pod that changes."""

    def __init__(self) -> None:
        self._nads: dict[Key, frozenset[Key]] = {}
        self._pods: defaultdict[Key, set[Key]] = defaultdict(set)

    def put(self, pod: Key, networks: str) -> frozenset[Key]:
        """Sets the networks of a pod, "" for a deleted one; returns the NADs whose pods have changed.

        An invalid annotation counts as none: such a pod does not start.
        """
        now = frozenset((each.namespace, each.name) for each in _selected(networks, pod[0]))
        before = self._nads.pop(pod, frozenset())
        if now:
            self._nads[pod] = now
        for nad in now - before:
            self._pods[nad].add(pod)
        for nad in before - now:
            self._remove(nad, pod)
        return now ^ before

    def pods(self, nad: Key) -> Sequence[Key]:
        return sorted(self._pods.get(nad, ()))

    def count(self, nad: Key) -> int:
        return len(self._pods.get(nad, ()))

    def _remove(self, nad: Key, pod: Key) -> None:
        self._pods[nad].discard(pod)
        if not self._pods[nad]:
            del self._pods[nad]


def _selected(text: str, namespace: str) -> Sequence[NetworkSelection]:
    try:
        return networks_annotation.parse(text, namespace)
    except AnnotationError:
        return ()
