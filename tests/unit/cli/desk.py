"""What the tests of the command line write and read."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netattach_core.api import inventory
from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin

Netattach = Callable[..., tuple[int, str, str]]
"""Words of a command line in; exit code, output and errors out."""

Kubectl = Callable[..., Path]
"""Inventories in, or `stdout`, `stderr` and `code`; out the file with the words of the last call."""

SOUND = '{"cniVersion": "1.0.0", "type": "bridge", "bridge": "br1", "ipam": {}}'
BROKEN = '{\n  "cniVersion": "1.0.0",\n  "type": "bridge",\n  "vlan": "100"\n}'

WORKER = NodeInventory(
    "worker-1",
    (Interface("eth0", addresses=("10.0.0.2/24",)), Interface("eth1")),
    (DefaultInterface("eth0", ("carries the IPv4 default route",)),),
    (Plugin("macvlan", ("0.4.0", "1.0.0", "1.1.0")), Plugin("host-local", ("1.0.0", "1.1.0"))),
)


def as_kubectl_prints(*nodes: NodeInventory) -> dict[str, Any]:
    """The list of a cluster's inventories."""
    items = [
        {
            "apiVersion": "netattach.io/v1alpha1",
            "kind": "NodeNetworkInventory",
            "metadata": {"name": node.node},
            "status": inventory.to_dict(node),
        }
        for node in nodes
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def nad(name: str, config: str = SOUND, namespace: str = "lab") -> str:
    """A NAD as people write it."""
    head = f"""\
        apiVersion: k8s.cni.cncf.io/v1
        kind: NetworkAttachmentDefinition
        metadata:
          name: {name}
          namespace: {namespace}
        spec:
          config: |
        """
    return textwrap.dedent(head) + textwrap.indent(config, "    ") + "\n"


def pointed_at(out: str) -> str:
    """What stands behind the first caret's place."""
    lines = out.splitlines()
    caret = next(index for index, line in enumerate(lines) if line.endswith(" ^"))
    return lines[caret - 1][lines[caret].index("^") :]
