"""The user's NAD, to attach instead of the tutorial's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from netattach_cli.demo.demo_node import DEFAULT_NIC, SECOND_NIC, DemoNodeError


@dataclass(frozen=True, slots=True)
class UserNad:
    """`nic` is the name that the demo node's second NIC gets: the one that the NAD asks for, or eth1."""

    body: dict[str, Any]
    nic: str

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])


def read(path: Path) -> UserNad:
    """The first NAD of a YAML file. Raises DemoNodeError."""
    try:
        documents = list(yaml.safe_load_all(path.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise DemoNodeError(f"{path} cannot be read: {error}") from error
    for body in documents:
        if isinstance(body, dict) and body.get("kind") == "NetworkAttachmentDefinition":
            return UserNad(_in_default_namespace(body), _nic(body))
    raise DemoNodeError(f"{path} contains no NetworkAttachmentDefinition")


def _in_default_namespace(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "metadata": {**body.get("metadata", {}), "namespace": "default"}}


def _nic(body: dict[str, Any]) -> str:
    """The interface that the CNI config builds on, if it can be read; if not, the validator reports that."""
    try:
        config = json.loads(body["spec"]["config"])
        first = config["plugins"][0] if "plugins" in config else config
        nic = first.get("master") or first.get("device")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return SECOND_NIC
    return nic if isinstance(nic, str) and nic != DEFAULT_NIC else SECOND_NIC
