"""Which pods use which NAD: the index that status, warnings and protection ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from netattach_core.api import networks_annotation
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.api.objects import Key
from netattach_core.errors import AnnotationError

RUNNING = "status.phase!=Succeeded,status.phase!=Failed"
"""The field selector of pods that count: the others have given their networks back."""


def networks_of(body: dict[str, Any], bare: str) -> str | None:
    """Of a pod no more is kept than this, and nothing of one that asks for nothing.

    It is the annotation's text; where the pod asks for another default network too, both in the comma form. `bare` is the
    namespace where such networks are looked for.
    """
    annotations = body["metadata"].get("annotations") or {}
    networks, default = (
        annotations.get(networks_annotation.NETWORKS),
        annotations.get(networks_annotation.DEFAULT_NETWORK),
    )
    if not default:
        return networks or None
    both = [*_selected(default, bare), *_selected(networks or "", body["metadata"].get("namespace", ""))]
    return ",".join(each.full_name for each in both) or None


class PodsByNad:
    """Fed with each pod's annotation, as the watch of pods tells it; several changes of one pod may come in any number."""

    def __init__(self) -> None:
        self._nads: dict[Key, frozenset[Key]] = {}
        self._pods: defaultdict[Key, set[Key]] = defaultdict(set)

    def put(self, pod: Key, networks: str) -> frozenset[Key]:
        """The pod's annotation is this now, "" for one that is gone; the NADs whose pods have changed by it.

        An annotation that cannot be read asks for nothing: such a pod does not start.
        """
        now = frozenset((each.namespace, each.name) for each in _selected(networks, pod[0]))
        before = self._nads.pop(pod, frozenset())
        if now:
            self._nads[pod] = now
        for nad in now - before:
            self._pods[nad].add(pod)
        for nad in before - now:
            self._forget(nad, pod)
        return now ^ before

    def pods(self, nad: Key) -> Iterable[Key]:
        return sorted(self._pods.get(nad, ()))

    def count(self, nad: Key) -> int:
        return len(self._pods.get(nad, ()))

    def _forget(self, nad: Key, pod: Key) -> None:
        self._pods[nad].discard(pod)
        if not self._pods[nad]:
            del self._pods[nad]


def _selected(text: str, namespace: str) -> Sequence[NetworkSelection]:
    try:
        return networks_annotation.parse(text, namespace)
    except AnnotationError:
        return ()
