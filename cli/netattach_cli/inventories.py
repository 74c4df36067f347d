"""Node inventories: what each node has, from a file or from the cluster."""

from __future__ import annotations

import argparse
from typing import Any

from netattach_cli import documents, files
from netattach_cli.files import File, UnreadableError
from netattach_cli.kubectl import Kubectl, KubectlError
from netattach_core.api import inventory
from netattach_core.api.inventory import NodeInventory
from netattach_core.errors import DecodeError
from netattach_core.validation.fast_schema import quick_check

CLUSTER = "cluster"
KIND = "NodeNetworkInventory"
RESOURCE = "nodenetworkinventories.netattach.io"


def add_arguments(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("--inventory", metavar="FILE|cluster", help=meaning)
    parser.add_argument("--kubeconfig", default="", help="kubectl's option, where a cluster is asked")
    parser.add_argument("--context", default="", help="kubectl's option, where a cluster is asked")


def read(args: argparse.Namespace) -> list[NodeInventory] | None:
    """The inventories that --inventory names; None without the option. Raises UnreadableError."""
    return read_from(args.inventory, Kubectl(args.kubeconfig, args.context))


def read_from(source: str, kubectl: Kubectl) -> list[NodeInventory] | None:
    """The inventories of a file or of the `cluster`; None for "". Raises UnreadableError."""
    if not source:
        return None
    return from_cluster(kubectl) if source == CLUSTER else from_file(source)


def from_file(path: str) -> list[NodeInventory]:
    """One inventory or several, bare or as `kubectl get` prints them, in YAML or JSON. Raises UnreadableError."""
    file = File(path)
    parsed = documents.parse(file.name, files.read(file))
    bodies = [body for document in parsed for body in documents.items(document.value)]
    if not bodies:
        raise UnreadableError(file.name, "it contains no node inventory")
    return [_inventory(file.name, body) for body in bodies]


def from_cluster(kubectl: Kubectl) -> list[NodeInventory]:
    """The inventories of all nodes that have reported one; there may be none yet. Raises UnreadableError."""
    try:
        bodies = documents.items(kubectl.get(RESOURCE))
    except KubectlError as error:
        raise UnreadableError(CLUSTER, str(error)) from error
    return [_inventory(CLUSTER, body) for body in bodies]


def _inventory(file: str, body: Any) -> NodeInventory:
    """From an inventory, or from a NodeNetworkInventory with the inventory as its status."""
    if isinstance(body, dict) and body.get("kind") == KIND:
        body = body.get("status") or {}
    if not quick_check(_SCHEMA)(body):
        from jsonschema import Draft202012Validator  # noqa: PLC0415  # why: see fast_schema

        for error in Draft202012Validator(_SCHEMA).iter_errors(body):
            raise UnreadableError(file, f"not a node inventory: {error.json_path}: {error.message[:200]}")
    try:
        return inventory.from_dict(body)
    except DecodeError as decode_error:
        raise UnreadableError(file, decode_error.message) from decode_error


def _objects_with_name(**keys: Any) -> dict[str, Any]:
    item = {"type": "object", "required": ["name"], "properties": {"name": _TEXT, **keys}}
    return {"type": "array", "items": item}


_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_PRIMARY = {
    "type": ["object", "null"],
    "required": ["name", "file", "pluginTypes"],
    "properties": {"name": _TEXT, "file": _TEXT, "pluginTypes": _TEXTS},
}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["node"],
    "properties": {
        "node": _TEXT,
        "interfaces": _objects_with_name(
            kind=_TEXT,
            mtu={"type": "integer"},
            mac=_TEXT,
            up={"type": "boolean"},
            addresses=_TEXTS,
            controller=_TEXT,
            parent=_TEXT,
        ),
        "defaultInterfaces": _objects_with_name(reasons=_TEXTS),
        "plugins": _objects_with_name(versions=_TEXTS),
        "primary": _PRIMARY,
        "networks": _objects_with_name(file=_TEXT),
    },
}
"""What `inventory.from_dict` relies on: an inventory from the API server was already validated by the CRD's schema."""
