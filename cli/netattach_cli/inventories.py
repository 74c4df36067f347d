"""What the nodes have: from a file, or from the cluster itself."""

from __future__ import annotations

import argparse
from typing import Any

from jsonschema import Draft202012Validator

from netattach_cli import files, manifests
from netattach_cli.files import File, UnreadableError
from netattach_cli.kubectl import Kubectl, KubectlError
from netattach_core.api import inventory
from netattach_core.api.inventory import NodeInventory
from netattach_core.errors import DecodeError

CLUSTER = "cluster"
KIND = "NodeNetworkInventory"
RESOURCE = "nodenetworkinventories.netattach.io"


def add_arguments(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("--inventory", metavar="FILE|cluster", help=meaning)
    parser.add_argument("--kubeconfig", default="", help="for --inventory cluster, as kubectl takes it")
    parser.add_argument("--context", default="", help="for --inventory cluster, as kubectl takes it")


def read(args: argparse.Namespace) -> list[NodeInventory] | None:
    """What --inventory names; None without it. Raises UnreadableError."""
    if not args.inventory:
        return None
    if args.inventory == CLUSTER:
        return from_cluster(Kubectl(args.kubeconfig, args.context))
    return from_file(args.inventory)


def from_file(path: str) -> list[NodeInventory]:
    """One inventory or several, bare or as `kubectl get` prints them, in YAML or JSON. Raises UnreadableError."""
    file = File(path)
    documents = manifests.documents(file.name, files.read(file))
    bodies = [body for each in documents for body in manifests.listed(each.value)]
    if not bodies:
        raise UnreadableError(file.name, "no node inventory is in it")
    return [_inventory(file.name, body) for body in bodies]


def from_cluster(kubectl: Kubectl) -> list[NodeInventory]:
    """Of all nodes that have told theirs, which may be none yet. Raises UnreadableError."""
    try:
        bodies = manifests.listed(kubectl.get(RESOURCE))
    except KubectlError as error:
        raise UnreadableError(CLUSTER, str(error)) from error
    return [_inventory(CLUSTER, body) for body in bodies]


def _inventory(file: str, body: Any) -> NodeInventory:
    """The object of the cluster holds it as its status."""
    if isinstance(body, dict) and body.get("kind") == KIND:
        body = body.get("status") or {}
    error = next(iter(_SCHEMA.iter_errors(body)), None)
    if error is not None:
        raise UnreadableError(file, f"not a node inventory: {error.json_path}: {error.message[:200]}")
    try:
        return inventory.from_dict(body)
    except DecodeError as reason:
        raise UnreadableError(file, reason.message) from reason


def _named(**keys: Any) -> dict[str, Any]:
    one = {"type": "object", "required": ["name"], "properties": {"name": _TEXT, **keys}}
    return {"type": "array", "items": one}


_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_PRIMARY = {
    "type": ["object", "null"],
    "required": ["name", "file", "pluginTypes"],
    "properties": {"name": _TEXT, "file": _TEXT, "pluginTypes": _TEXTS},
}
_SCHEMA = Draft202012Validator(
    {
        "type": "object",
        "required": ["node"],
        "properties": {
            "node": _TEXT,
            "interfaces": _named(
                kind=_TEXT,
                mtu={"type": "integer"},
                mac=_TEXT,
                up={"type": "boolean"},
                addresses=_TEXTS,
                controller=_TEXT,
                parent=_TEXT,
            ),
            "defaultInterfaces": _named(reasons=_TEXTS),
            "plugins": _named(versions=_TEXTS),
            "primary": _PRIMARY,
            "networks": _named(file=_TEXT),
        },
    }
)
"""What `inventory.from_dict` takes for granted, since its usual reader is the API, which has a schema of its own."""
