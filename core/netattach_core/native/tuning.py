"""The config of the plugin tuning, as far as its driver understands it (`plugins/meta/tuning/tuning.go: parseConf`)."""

from __future__ import annotations

import re

from netattach_core.native import strict
from netattach_core.native.config import Config
from netattach_core.native.recipe import HostDevice, Ipvlan, Link, Macvlan, Tuning
from netattach_core.text.json_document import Node

_OF_LINK = ("mac", "promisc", "mtu", "allmulti", "txQLen")
KEYS = ("sysctl", *_OF_LINK, "args")

_PATH = re.compile(r"net(/[A-Za-z0-9_-]+)+")
_LONGEST_PATH = 200
"""Bytes; with the name of an interface it is short enough for the shim."""
_LONGEST_VALUE = 255
_WORD = re.compile(r"[!-~]+")
_NUMBERS = {"ip_local_port_range": 2, "ping_group_range": 2, "tcp_rmem": 3, "tcp_wmem": 3}
"""The sysctls that take several: of others the kernel takes the first one, and the program writes the rest once more."""

INTERFACE = "IFNAME"
"""In a path: the name of the interface, once."""


def read(found: Config) -> Tuning:
    """The `cni-args` of a pod that change it are for the program, and so is `dataDir`. Raises NotUnderstoodError."""
    strict.require(not found.has_ipam)
    if "args" in found.members:
        args = strict.members(found.members["args"], ("cni",), others=True)
        strict.require("cni" not in args or not strict.members(args["cni"], KEYS, others=True))
    members = found.members
    return Tuning(
        sysctls=_sysctls(members["sysctl"]) if "sysctl" in members else (),
        mac=found.mac(),
        mtu=found.number("mtu"),
        promiscuous=found.flag("promisc"),
        all_multicast=found.flag("allmulti") if "allmulti" in members else None,
        queue_length=found.number("txQLen") if "txQLen" in members else None,
    )


def goes_with(link: Link, tuning: Tuning) -> bool:
    """Whether nothing is left of it once the link is deleted, so that no DEL has to restore what was before.

    A device of the node goes back to it. An ipvlan, and a macvlan in mode passthru, change their master, which the kernel leaves
    as it is then (`drivers/net/ipvlan/ipvlan_main.c: ipvlan_stop`, `drivers/net/macvlan.c: macvlan_stop`).
    """
    keeps = isinstance(link, HostDevice | Ipvlan) or (isinstance(link, Macvlan) and link.mode == "passthru")
    return not (keeps and tuning.changes_link)


def _sysctls(node: Node) -> tuple[tuple[str, str], ...]:
    """Paths, each once: the program writes them in random order (`tuning.go: getSysctlFilename`)."""
    strict.require(isinstance(node.value, dict))
    found = [(member.key.replace(".", "/"), strict.string(member.node)) for member in node.members]
    strict.require(len(dict(found)) == len(found))
    for path, value in found:
        strict.require(_PATH.fullmatch(path) and len(path) <= _LONGEST_PATH)
        words = value.split(" ")
        strict.require(len(value) <= _LONGEST_VALUE and all(map(_WORD.fullmatch, words)))
        strict.require(len(words) in (1, _NUMBERS.get(path.rpartition("/")[2])))
    return tuple(found)
