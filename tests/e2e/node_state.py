"""What a tenant must not change on a node: its files, its default interface, links, routes, firewall, sysctls, leases."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from e2e.lab.nodes import LabNode

_WITHOUT_COUNTERS = r"sed -E 's/packets [0-9]+ bytes [0-9]+//; s/\[[0-9]+:[0-9]+\]//; /^#/d'"

_SECTIONS = {
    "links": "ip -o link | cut -d: -f2 | sort",
    "default interface": "ip -o addr show eth0; cd /sys/class/net/eth0; cat address mtu flags; ls -d brport upper_* 2>/dev/null",
    "routes": "ip -4 route; ip -4 rule",
    "iptables": f"iptables-save 2>/dev/null | {_WITHOUT_COUNTERS}",
    "nftables": f"nft list ruleset 2>/dev/null | {_WITHOUT_COUNTERS}",
    "sysctls": "grep -rs '' /proc/sys/net/core /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/eth0",
    "leases": "find /var/lib/cni/networks -type f | sort | xargs grep -H ''",
    "plugins": "ls -lR /etc/cni /opt/cni",
}
"""A script of sh for each; they print the same as long as nothing has changed."""


def read(node: LabNode, files: Sequence[str]) -> dict[str, str]:
    """By what it is about; `files` are those below these paths, with size and time of change."""
    sections = {**_SECTIONS, "files": f"find {' '.join(files)} -printf '%p %s %m %T@\\n' 2>/dev/null | sort"}
    script = "; ".join(f"echo '== {what}'; ({text})" for what, text in sections.items())
    parts = node.sh(f"{script}; true").split("== ")[1:]
    return {what: text for what, _, text in (part.partition("\n") for part in parts)}


@contextlib.contextmanager
def shielded(node: LabNode, *directories: str) -> Iterator[None]:
    """Covers directories with empty ones, in the node's own mounts: node1 shares the machine's files."""
    there = [path for path in directories if node.result(f"test -d {path}").returncode == 0]
    for path in there:
        node.sh(f"mount -t tmpfs tmpfs {path}")
    try:
        yield
    finally:
        for path in there:
            node.sh(f"umount {path}")
