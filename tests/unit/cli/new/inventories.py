"""Inventories of nodes for the tests of `netattach new`, and the options that have no default."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from netattach_cli.new.generator import TYPES
from netattach_core.api import inventory
from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin

PLUGINS = (*TYPES, "host-local", "static", "dhcp", "whereabouts")
VERSIONS = ("0.3.1", "0.4.0", "1.0.0", "1.1.0")
ETH0 = DefaultInterface("eth0", ("carries the IPv4 default route",))
NODE = NodeInventory(
    "node1",
    (
        Interface("lo", addresses=("127.0.0.1/8",)),
        Interface("eth0", addresses=("172.30.0.11/24", "fd00::1/64")),
        Interface("eth1"),
        Interface("cni0", kind="bridge", addresses=("10.244.1.1/24",)),
        Interface("br-ex", kind="openvswitch"),
        Interface("br-vm", kind="openvswitch"),
    ),
    (ETH0,),
    tuple(Plugin(name, VERSIONS) for name in PLUGINS),
)
OTHER = dataclasses.replace(NODE, node="node2")
REQUIRED = {
    "vlan": ("--vlan", "7"),
    "sriov": ("--resource", "intel.com/nics"),
    "ib-sriov": ("--resource", "mellanox.com/ib"),
}
"""The options without a default."""


def without(*plugins: str) -> NodeInventory:
    return dataclasses.replace(NODE, plugins=tuple(p for p in NODE.plugins if p.name not in plugins))


def with_interfaces(*interfaces: Interface) -> NodeInventory:
    return dataclasses.replace(NODE, interfaces=interfaces)


def save(*nodes: NodeInventory) -> tuple[str, str]:
    """Writes the inventories to a file; returns the option that names it."""
    Path("nodes.json").write_text(json.dumps([inventory.to_dict(node) for node in nodes]))
    return "--inventory", "nodes.json"
