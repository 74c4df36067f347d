"""Which pods use which NAD: an index for the status, for warnings and for protection."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Sequence

from netattach_core.api import networks_annotation
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.api.objects import Body, Key
from netattach_core.errors import AnnotationError
from netattach_core.net import names

RUNNING = "status.phase!=Succeeded,status.phase!=Failed"
"""The field selector of pods that count: the others have released their networks."""

_MOST_NETWORKS = 500
"""Of a pod: more than its annotation may ask for."""

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


def requested_by(body: Body, default_namespace: str) -> frozenset[Key]:
    """The NADs that a pod asks for, as `networks_of` has them; an invalid annotation counts as none."""
    networks = networks_of(body, default_namespace) or ""
    return _keys(networks, body["metadata"].get("namespace", ""))


def attached_to(body: Body) -> str | None:
    """The NADs of a pod's network-status, comma-separated with their namespaces; None where it has none.

    Whoever may write the pod may write anything there: what is no name of a network is ignored.
    """
    text = (body["metadata"].get("annotations") or {}).get(networks_annotation.NETWORK_STATUS, "")
    if "/" not in text:
        return None
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = (
        (each.get("name") for each in entries if isinstance(each, dict)) if isinstance(entries, list) else ()
    )
    nads = (str(name) for name in found if _is_nad(name))
    return ",".join(dict.fromkeys(itertools.islice(nads, _MOST_NETWORKS))) or None


def _is_nad(name: object) -> bool:
    """A network of a file of the node has a name without a namespace."""
    if not isinstance(name, str):
        return False
    namespace, slash, rest = name.partition("/")
    return bool(slash) and names.is_label(namespace) and names.is_object_name(rest)


class PodsByNad:
    """The index, updated with the networks of each pod that changes."""

    def __init__(self) -> None:
        self._nads: dict[Key, frozenset[Key]] = {}
        self._pods: defaultdict[Key, set[Key]] = defaultdict(set)

    def put(self, pod: Key, networks: str) -> frozenset[Key]:
        """Sets the networks of a pod, "" for a deleted one; returns the NADs whose pods have changed.

        An invalid annotation counts as none: such a pod does not start.
        """
        now = _keys(networks, pod[0])
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


def _keys(networks: str, namespace: str) -> frozenset[Key]:
    return frozenset(each.key for each in _selected(networks, namespace))


def _selected(text: str, namespace: str) -> Sequence[NetworkSelection]:
    try:
        return networks_annotation.parse(text, namespace)
    except AnnotationError:
        return ()
