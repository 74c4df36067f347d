"""The port Store without a cluster: each Kubernetes object is a JSON file.

<directory>/nads/<namespace>/<name>.json
<directory>/pods/<namespace>/<name>.json      network-status is written into its metadata
<directory>/nodes/<node>.json                 the inventory
<directory>/namespaces/<name>.json            its labels decide on its policy
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netattach_core.api import inventory, nad, networks_annotation
from netattach_core.api.inventory import NodeAddress, NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.pod import Pod, PodRef
from netattach_core.errors import ConfigError, NotFoundError
from netattach_plugin.files import atomic_file


class FileStore:
    """Reads the file on each access."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def pod(self, ref: PodRef) -> Pod | None:
        body = self._read(self._pod_path(ref))
        if body is None or not _is_same_pod(body, ref):
            return None
        metadata = body["metadata"]
        uid = metadata.get("uid", "")
        return Pod(PodRef(ref.namespace, ref.name, uid), metadata.get("annotations") or {})

    async def nad(self, namespace: str, name: str) -> Nad | None:
        body = self._read(self._directory / "nads" / namespace / f"{name}.json")
        return None if body is None else nad.from_body(body, namespace)

    async def namespace_labels(self, name: str) -> Mapping[str, str]:
        """None of a namespace without a file."""
        body = self._read(self._directory / "namespaces" / f"{name}.json")
        return {} if body is None else body["metadata"].get("labels") or {}

    async def write_status(self, ref: PodRef, text: str) -> None:
        path = self._pod_path(ref)
        body = self._read(path)
        if body is None or not _is_same_pod(body, ref):
            raise NotFoundError(f"pod {ref} is gone")
        annotations = body["metadata"].get("annotations") or {}
        body["metadata"]["annotations"] = {**annotations, networks_annotation.NETWORK_STATUS: text}
        _write(path, body)

    async def publish_inventory(self, inventory_: NodeInventory) -> None:
        _write(self._directory / "nodes" / f"{inventory_.node}.json", inventory.to_dict(inventory_))

    async def node_labels(self) -> Mapping[str, str]:
        return {}

    async def node_addresses(self) -> tuple[NodeAddress, ...]:
        return ()

    def remove_leftovers(self) -> None:
        """Removes temporary files of a killed daemon."""
        atomic_file.remove_leftovers((self._directory / "nodes", *self._directory.glob("pods/*")))

    def _pod_path(self, ref: PodRef) -> Path:
        return self._directory / "pods" / ref.namespace / f"{ref.name}.json"

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            body = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ConfigError(f"{path} is not JSON: {error}") from error
        if not isinstance(body, dict) or not isinstance(body.get("metadata"), dict):
            raise ConfigError(f"{path} is no Kubernetes object")
        return body


def _is_same_pod(body: dict[str, Any], ref: PodRef) -> bool:
    return not ref.uid or body["metadata"].get("uid", ref.uid) == ref.uid


def _write(path: Path, body: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_file.write(path, json.dumps(body, indent=2).encode(), 0o644, sync=False)
