"""The manifests that `kubectl apply -k deploy/` applies."""

from __future__ import annotations

from typing import Any

import yaml

from support import require

Body = dict[str, Any]

DEPLOY = require.REPOSITORY / "deploy"
BASE = DEPLOY / "kustomize/base"
KUSTOMIZATION: Body = yaml.safe_load((BASE / "kustomization.yaml").read_text())
MANIFESTS: list[Body] = [
    body for name in KUSTOMIZATION["resources"] for body in yaml.safe_load_all((BASE / name).read_text())
]
CONTROL, NODE = "netattach-system", "netattach-node"


def kind(name: str) -> dict[str, Body]:
    """The objects of a kind, by namespace and name."""
    return {
        "/".join(filter(None, (m["metadata"].get("namespace"), m["metadata"]["name"]))): m
        for m in MANIFESTS
        if m["kind"] == name
    }


ROLES = {**kind("Role"), **kind("ClusterRole")}
POLICIES = kind("ValidatingAdmissionPolicy")
