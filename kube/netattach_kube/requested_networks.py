"""The NADs that a pod of the cluster asks for."""

from __future__ import annotations

from netattach_core.api import networks_annotation
from netattach_core.api.objects import Body, Key
from netattach_core.errors import AnnotationError


def of_pod(body: Body, default_namespace: str) -> frozenset[Key]:
    """Those of its annotations; an invalid annotation counts as none.

    `default_namespace` is that of a default network without one.
    """
    annotations = body["metadata"].get("annotations") or {}
    networks = _keys(annotations.get(networks_annotation.NETWORKS), body["metadata"].get("namespace", ""))
    return networks | _keys(annotations.get(networks_annotation.DEFAULT_NETWORK), default_namespace)


def _keys(text: str | None, namespace: str) -> frozenset[Key]:
    try:
        return frozenset(each.key for each in networks_annotation.parse(text or "", namespace))
    except AnnotationError:
        return frozenset()
