"""Pods that are not changed, or not kept off nodes."""

from __future__ import annotations

from netattach_core.admission import unstructured
from netattach_core.admission.unstructured import JsonObject

_MIRROR = "kubernetes.io/config.mirror"
"""On the API's copy of a static pod; the kubelet deletes a copy that differs from its file."""


def gets_no_networks(pod: JsonObject) -> bool:
    """Whether nothing is attached to it, or nothing of it can be changed."""
    on_host = unstructured.mapping(pod, "spec").get("hostNetwork") is True
    return on_host or _MIRROR in unstructured.annotations_of(pod)


def has_its_node(pod: JsonObject) -> bool:
    """Whether no scheduler looks for a node for it: its author has chosen one, or its DaemonSet creates one pod for each."""
    if unstructured.mapping(pod, "spec").get("nodeName"):
        return True
    owners = unstructured.mapping(pod, "metadata").get("ownerReferences")
    return any(
        unstructured.mapping(owner).get("kind") == "DaemonSet"
        and unstructured.mapping(owner).get("controller") is True
        for owner in (owners if isinstance(owners, list) else ())
    )
