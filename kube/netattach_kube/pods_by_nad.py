"""Which pods use which NAD: the index that status, warnings and protection ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from netattach_core import annotation
from netattach_core.errors import AnnotationError
from netattach_kube.watched import Key


class PodsByNad:
    """Fed with each pod's annotation, as the watch of pods tells it; several changes of one pod may come in any number."""

    def __init__(self) -> None:
        self._nads: dict[Key, frozenset[Key]] = {}
        self._pods: defaultdict[Key, set[Key]] = defaultdict(set)

    def put(self, pod: Key, networks: str) -> frozenset[Key]:
        """The pod's annotation is this now, "" for one that is gone; the NADs whose pods have changed by it.

        An annotation that cannot be read asks for nothing: such a pod does not start.
        """
        try:
            now = frozenset((each.namespace, each.name) for each in annotation.parse(networks, pod[0]))
        except AnnotationError:
            now = frozenset()
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
