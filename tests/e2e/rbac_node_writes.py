"""What the operator may write of Nodes and pods, and what whoever has captured it would try."""

from __future__ import annotations

from typing import Any

from e2e.api_request import ACCEPTED, RBAC, Request
from e2e.rbac_every_program import CORE, LABEL, OWNER, POD, Case, metadata
from netattach_core.readiness import node_label

POLICY = "netattach-operator-nodes"

_OURS = node_label.of_network(("default", "rbac"))
_TAINT = {"key": "netattach.io/not-ready", "effect": "NoSchedule"}


def _node(body: dict[str, Any], name: str = "node1") -> Request:
    return Request("PATCH", f"{CORE}/nodes/{name}", body)


def _metadata(**fields: Any) -> Request:
    return _node({"metadata": fields})


def _eviction() -> Request:
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": metadata(POD, "default"),
        "deleteOptions": {"preconditions": {"uid": OWNER["uid"]}},
    }
    return Request("POST", f"{CORE}/namespaces/default/pods/{POD}/eviction", body)


def accepted(program: str) -> dict[str, Case]:
    """What it needs."""
    if program != "operator":
        return {}
    return {
        "read the nodes": (Request("GET", f"{CORE}/nodes"), ACCEPTED),
        "label a node": (_metadata(labels={_OURS.key: _OURS.value}), ACCEPTED),
        "taint a node": (_node({"spec": {"taints": [_TAINT]}}), ACCEPTED),
    }


def refused(program: str) -> dict[str, Case]:
    """Each with its verdict."""
    if program != "operator":
        return {}
    tried = {
        "label a node with anything else": _node(LABEL),
        "change a label of a node": _metadata(labels={"kubernetes.io/hostname": "captured"}),
        "remove a label of a node": _metadata(labels={"kubernetes.io/hostname": None}),
        "label a node with what only looks like its own": _metadata(
            labels={"a.not-ready.netattach.io/b": "c"}
        ),
        "annotate a node": _metadata(annotations={"captured": "yes"}),
        "add a finalizer to a node": _metadata(finalizers=["example.com/held"]),
        "let the garbage collector delete a node": _metadata(ownerReferences=[OWNER]),
        "cordon a node": _node({"spec": {"unschedulable": True}}),
        "taint a node with another taint": _node(
            {"spec": {"taints": [{"key": "captured", "effect": "NoSchedule"}]}}
        ),
        "evict the pods of a node by its taint": _node(
            {"spec": {"taints": [{**_TAINT, "effect": "NoExecute"}]}}
        ),
        "taint a node with more than its taint": _node(
            {"spec": {"taints": [_TAINT, {"key": "captured", "effect": "NoExecute"}]}}
        ),
    }
    body = {"apiVersion": "v1", "kind": "Node", "metadata": metadata("captured")}
    return {
        **{name: (request, POLICY) for name, request in tried.items()},
        "create a node": (Request("POST", f"{CORE}/nodes", body), RBAC),
        "replace a node": (Request("PUT", f"{CORE}/nodes/node1", body), RBAC),
        "evict a pod without permission": (_eviction(), RBAC),
    }
