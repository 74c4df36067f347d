"""Objects without what a report does not need: environment, other annotations, secrets in configs.

What is kept is listed, and not what is removed: a field that a later Kubernetes adds is left out by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from netattach_cli.ask import bodies
from netattach_cli.bundle.secret_texts import REDACTED, text, tree
from netattach_core.api.objects import Body

_OURS = (
    "netattach.io/",
    "k8s.v1.cni.cncf.io/",
    "v1.multus-cni.io/",
    "app.kubernetes.io/",
    "pod-security.kubernetes.io/",
)
_METADATA = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "generation", "labels")
_STATUS = (
    "conditions",
    "containerStatuses",
    "initContainerStatuses",
    "phase",
    "reason",
    "message",
    "startTime",
    "nodeInfo",
)
_CONTAINER = ("name", "ready", "restartCount", "state", "lastState", "started", "image")
_STATE = ("reason", "exitCode", "startedAt", "finishedAt")
"""Of a state of a container: its message may be what its program wrote to the termination log."""

_COUNTS = re.compile(r".*([Rr]eplicas|[Nn]umber\w*|observedGeneration)")


def pod(body: Body) -> Body:
    """Its networks and its state: no containers, no environment, no volumes."""
    spec = {
        key: bodies.at(body, "spec", key)
        for key in ("nodeName", "hostNetwork", "nodeSelector", "schedulerName")
    }
    return {**_head(body), "spec": _without_none(spec), "status": _status(body)}


def workload(body: Body) -> Body:
    """Of netattach's own: images, commands and arguments, no environment."""
    containers = [
        _without_none({key: tree(each.get(key)) for key in ("name", "image", "command", "args", "resources")})
        for each in bodies.items(body, "spec", "template", "spec", "containers")
    ]
    counts = {
        key: value
        for key, value in bodies.mapping(body, "status").items()
        if _COUNTS.fullmatch(key) and isinstance(value, int)
    }
    return {
        **_head(body),
        "spec": {"replicas": bodies.at(body, "spec", "replicas"), "containers": containers},
        "status": counts,
    }


def node(body: Body) -> Body:
    return {**_head(body), "spec": {"taints": bodies.items(body, "spec", "taints")}, "status": _status(body)}


def network(body: Body) -> Body:
    """Its config without secrets, and its status."""
    config = text(bodies.text(body, "spec", "config"))
    return {**_head(body), "spec": {"config": config}, "status": tree(bodies.mapping(body, "status"))}


def inventory(body: Body) -> Body:
    return {**_head(body), "status": tree(bodies.mapping(body, "status"))}


def event(body: Body) -> Body:
    kept = ("involvedObject", "reason", "type", "count", "firstTimestamp", "lastTimestamp", "source")
    found = {key: tree(body.get(key)) for key in kept}
    return {**_head(body), **_without_none(found), "message": text(bodies.text(body, "message"))}


def settings(body: Body) -> Body:
    """The cluster's settings; no other key of the ConfigMap."""
    return {**_head(body), "data": {"config.yaml": text(bodies.text(body, "data", "config.yaml"))}}


def webhooks(body: Body) -> Body:
    """Which webhooks are registered, without certificates and addresses."""
    found = [
        {
            "name": bodies.text(each, "name"),
            "failurePolicy": bodies.text(each, "failurePolicy"),
            "rules": tree(each.get("rules")),
        }
        for each in bodies.items(body, "webhooks")
    ]
    return {**_head(body), "webhooks": found}


def _head(body: Body) -> Body:
    metadata = {key: tree(bodies.at(body, "metadata", key)) for key in _METADATA}
    annotations = {
        key[:300]: text(value) if key.startswith(_OURS) else REDACTED
        for key, value in bodies.annotations_of(body).items()
    }
    shown = {**_without_none(metadata), **({"annotations": annotations} if annotations else {})}
    return {"kind": bodies.text(body, "kind"), "metadata": shown}


def _status(body: Body) -> Body:
    status = bodies.mapping(body, "status")
    found = {key: tree(status[key]) for key in _STATUS if key in status}
    for key in ("containerStatuses", "initContainerStatuses"):
        if key in found:
            found[key] = [_container(each) for each in bodies.items(found, key)]
    return found


def _container(status: Mapping[str, Any]) -> dict[str, Any]:
    kept: Body = {name: status[name] for name in _CONTAINER if name in status}
    states: Body = {name: _state(kept[name]) for name in ("state", "lastState") if name in kept}
    return {**kept, **states}


def _state(state: Any) -> dict[str, Any]:
    """Of `waiting`, `running` and `terminated`."""
    return {
        name: {key: found[key] for key in _STATE if key in found}
        for name in ("waiting", "running", "terminated")
        if (found := bodies.mapping(state, name))
    }


def _without_none(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value is not None}
