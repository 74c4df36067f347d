"""Types, sample NADs and inventories for the tests of the command line."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netattach_core.api import inventory
from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin

Netattach = Callable[..., tuple[int, str, str]]
"""Takes the arguments of a command line, returns exit status, output and errors."""

Kubectl = Callable[..., Path]
"""Takes inventories, or `stdout`, `stderr` and `status`; returns the file with the arguments of the last call."""

VALID_CONFIG = '{"cniVersion": "1.0.0", "type": "bridge", "bridge": "br1", "ipam": {}}'
INVALID_CONFIG = '{\n  "cniVersion": "1.0.0",\n  "type": "bridge",\n  "vlan": "100"\n}'

WORKER = NodeInventory(
    "worker-1",
    (Interface("eth0", addresses=("10.0.0.2/24",)), Interface("eth1")),
    (DefaultInterface("eth0", ("carries the IPv4 default route",)),),
    (Plugin("macvlan", ("0.4.0", "1.0.0", "1.1.0")), Plugin("host-local", ("1.0.0", "1.1.0"))),
)


def as_kubectl_prints(*nodes: NodeInventory) -> dict[str, Any]:
    """Inventories as a List, as `kubectl get` prints them."""
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


def nad(name: str, config: str = VALID_CONFIG, namespace: str = "lab") -> str:
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


def text_at_caret(out: str) -> str:
    """The text from the position of the first caret to the end of the line."""
    lines = out.splitlines()
    caret = next(index for index, line in enumerate(lines) if line.endswith(" ^"))
    return lines[caret - 1][lines[caret].index("^") :]
