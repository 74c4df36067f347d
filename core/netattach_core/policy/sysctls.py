"""Sysctls: those of the pod's own network stack, and no others.

tuning writes any file below /proc/sys/net. What is there for each network namespace affects the pod alone; of the rest, some
belong to all pods of the node, and some switch protections off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from netattach_core.net.names import shown
from netattach_core.policy import members
from netattach_core.policy.case import Findings, NetworkCase, ask, rule
from netattach_core.text.finding import Finding, Path

SYSCTL = rule("policy-sysctl", "a sysctl that is not one of the pod's own interfaces, nor safe")

RULES = (SYSCTL,)

KEYS = frozenset({"sysctl", "sysctls"})

_INTERFACES = re.compile(r"net\.ipv[46]\.(conf|neigh)\.[^./]+\.[a-z0-9_]+")
_SAFE = {
    *"""
    net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports net.ipv4.ip_unprivileged_port_start net.ipv4.ping_group_range
    net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_keepalive_time
    net.ipv4.tcp_rmem net.ipv4.tcp_syncookies net.ipv4.tcp_wmem
    """.split(),  # noqa: SIM905 - a list of words
    "net.ipv4.ip_forward",
    "net.core.somaxconn",
}
"""Those that Pod Security's baseline allows in a pod (`check_sysctls.go`). Two more belong to the pod alone: ip_forward, another
name for net.ipv4.conf.all.forwarding, and somaxconn, the example of tuning's own documentation."""


def is_safe(key: str) -> bool:
    """Whether a sysctl, with dots or slashes, belongs to the pod's own network stack."""
    return all(reading in _SAFE or _INTERFACES.fullmatch(reading) for reading in readings(key))


def readings(key: str) -> tuple[str, ...]:
    """The names with dots that plugins can take a key for.

    tuning turns every dot into a slash (`tuning.go: getSysctlFilename`); sysctl(8) leaves the dots of a name that is written with
    slashes, as in net/ipv4/conf/eth0.100/rp_filter, and so they stay part of the interface's name.
    """
    if "/" not in key:
        return (key,)
    path = key.removeprefix("/")
    return tuple({path.replace("/", "."), path.replace(".", "_").replace("/", ".")})


def names_in(value: Any) -> Iterator[str]:
    """The sysctls that a JSON value sets at any depth, such as the CNI arguments of a pod: {"sysctl": {…}}."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(key, str) and key.casefold() in KEYS:
                yield from inner if isinstance(inner, Mapping) else ()
            yield from names_in(inner)
    elif isinstance(value, list):
        for item in value:
            yield from names_in(item)


def check_network(case: NetworkCase) -> Findings:
    """Unsafe sysctls under any key `sysctl`, as tuning and plugins like it read it, `args.cni.sysctl` and delegates included."""
    for sysctl in written(case):
        if not is_safe(sysctl.name):
            problem = f"`{shown(sysctl.name)}` is not a sysctl of the pod's own interfaces, and may affect others on the node"
            wish = "set it on the nodes, or give the namespace the level privileged under policy.namespaces"
            yield Finding(
                SYSCTL, sysctl.path, problem, f"remove it, or {ask(case.policy, wish)}", sysctl.start
            )


class Sysctl(NamedTuple):
    """A sysctl that a network sets, and its place."""

    name: str
    path: Path
    start: int


def written(case: NetworkCase) -> Iterator[Sysctl]:
    """All sysctls of a network: an object of names and values, a list of objects, or the notation of sysctl(8)."""
    for plugin in case.plugins:
        for value in plugin.values if not KEYS.isdisjoint(plugin.keys) else ():
            if value.key in KEYS:
                yield from _names(value)


def _names(value: members.Value) -> Iterator[Sysctl]:
    path, node = value.path, value.node
    if isinstance(node.value, str) and any(mark in node.value for mark in "=./"):
        yield Sysctl(node.value.split("=")[0].strip(), path, node.start)
    in_list = isinstance(path[-1], int)
    for member in node.members:
        name = member.node.value if in_list else member.key
        if isinstance(name, str) and (not in_list or member.key.casefold() in {"name", "key"}):
            yield Sysctl(name, (*path, member.key), member.node.start)
