"""The NetworkAttachmentDefinition (Kubernetes Network Plumbing Working Group spec, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.errors import ConfigError

KIND = "NetworkAttachmentDefinition"
API_VERSION = "k8s.cni.cncf.io/v1"
RESOURCE_NAME = "k8s.v1.cni.cncf.io/resourceName"
ALLOW_DEFAULT_INTERFACE = "netattach.io/allow-default-interface"
NODE_SELECTOR = "netattach.io/node-selector"
PROTECT = "netattach.io/protect"


@dataclass(frozen=True, slots=True)
class Nad:
    """One NAD. `config` is the author's exact text; "" means that the node's CNI config directory has the config.

    `created` is its creationTimestamp, "" for one that does not exist yet.
    """

    namespace: str
    name: str
    config: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    uid: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"


def from_body(body: Mapping[str, Any], default_namespace: str = "default") -> Nad:
    """Reads a Kubernetes object; spec and spec.config may be absent. Raises ConfigError if spec.config is not a string."""
    metadata = body.get("metadata") or {}
    config = (body.get("spec") or {}).get("config")
    if not isinstance(config, str | None):
        raise ConfigError("spec.config is not a string")
    return Nad(
        namespace=metadata.get("namespace") or default_namespace,
        name=metadata.get("name") or "",
        config=config or "",
        annotations=metadata.get("annotations") or {},
        created=metadata.get("creationTimestamp") or "",
        uid=metadata.get("uid") or "",
    )
