"""What `restricted` allows: plugins, interfaces, bridges, subnets and sysctls that the settings list, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from netattach_core.api.nad import Nad
from netattach_core.cni.plugin_aliases import canonical_name
from netattach_core.net.names import shown
from netattach_core.policy import host_interfaces, members, subnets, sysctls
from netattach_core.policy.case import Findings, NetworkCase, ask, rule
from netattach_core.policy.host_interfaces import Named
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.members import Value
from netattach_core.policy.plugin_parts import Part
from netattach_core.text.finding import Finding, Path, Rule

PLUGIN = rule("policy-plugin", "restricted: a plugin that is not on the list `plugins`")
IPAM = rule("policy-ipam", "restricted: an IPAM plugin that is not on the list `ipam`")
MASTER = rule("policy-master", "restricted: an interface of the node that is not on the list `masters`")
BRIDGE = rule("policy-bridge", "restricted: a bridge of the node that is not on the list `bridges`")
SUBNET = rule("policy-subnet", "restricted: addresses outside of the list `subnets`")
SYSCTL = rule("policy-sysctl-list", "restricted: a sysctl that is not on the list `sysctls`")
NODE_FILE = rule("policy-node-file", "restricted: a network whose configuration is a file of each node")

RULES = (PLUGIN, IPAM, MASTER, BRIDGE, SUBNET, SYSCTL, NODE_FILE)


def is_listed(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is on a list, whose names may have the wildcards `*` and `?`."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class Unconfigured(NamedTuple):
    """A NAD without a configuration, and the policy of its namespace."""

    nad: Nad
    policy: NamespacePolicy


def check_node_file(case: Unconfigured) -> Findings:
    """An empty configuration means the node's own file for the network of that name, so that no list can be held against it."""
    problem = f"the configuration is empty, so that the network is the file of each node that names {case.nad.name!r}"
    wish = "create this network in a namespace of theirs"
    yield Finding(NODE_FILE, (), problem, f"write the configuration here, or {ask(case.policy, wish)}")


def check_network(case: NetworkCase) -> Findings:
    """All that a list has to name, in the chain and in what its plugins delegate to."""
    for part in (part for plugin in case.plugins for part in plugin.parts):
        yield from _plugins(case, part)
        yield from _ipam(case, part)
        yield from _interfaces(
            case, host_interfaces.masters(part), MASTER, "masters", case.policy.allowed.masters
        )
        yield from _interfaces(
            case, host_interfaces.bridges(part), BRIDGE, "bridges", case.policy.allowed.bridges
        )
    yield from _subnets(case)
    yield from _sysctls(case)


def _plugins(case: NetworkCase, part: Part) -> Findings:
    """The plugin's type; without one, the default of flannel's delegate. In an unknown plugin, each type but those of IPAM."""
    named = part.values("type")
    if part.unknown:
        named += [v for v in _nested(part) if v.key == "type" and not _is_ipam(v.path)]
    for value in named:
        yield from _type(case, value, PLUGIN, "plugins", case.policy.allowed.plugins)
    if not named and not is_listed(part.type, case.policy.allowed.plugins):
        problem = f"without a `type` the plugin is {part.type or 'unknown'}"
        yield _finding(case, PLUGIN, part.path, part.node.start, problem, "plugins", part.type or "it")


def _ipam(case: NetworkCase, part: Part) -> Findings:
    """Each `type` of an `ipam` section."""
    for value in _nested(part):
        if value.key == "type" and _is_ipam(value.path):
            yield from _type(case, value, IPAM, "ipam", case.policy.allowed.ipam)


def _nested(part: Part) -> Iterator[Value]:
    for member in part.node.members:
        if member.node.members or member.node.items:
            yield from members.walk(member.node, (*part.path, member.key), member.key.casefold())


def _is_ipam(path: Path) -> bool:
    return len(path) > 1 and str(path[-2]).casefold() == "ipam"


def _type(case: NetworkCase, value: Value, broken: Rule, setting: str, allowed: tuple[str, ...]) -> Findings:
    kind = value.node.value
    if kind is None or (kind == "" and broken is IPAM):
        return
    if isinstance(kind, str) and (is_listed(kind, allowed) or is_listed(canonical_name(kind), allowed)):
        return
    problem = f"{shown(str(kind))!r} is not on the list `{setting}`"
    yield _finding(case, broken, value.path, value.node.start, problem, setting, str(kind))


def _interfaces(
    case: NetworkCase, named: Iterable[Named], broken: Rule, setting: str, allowed: tuple[str, ...]
) -> Findings:
    for each in named:
        if each.name is None:
            problem = f"this names {each.how}, which no name on the list `{setting}` can allow"
            fix = f"name one of the list: {', '.join(allowed) or 'which is empty'}"
            yield Finding(
                broken, each.path, problem, f"{fix}; or {_listing(case, setting, 'one')}", each.start
            )
        elif not is_listed(each.name, allowed):
            problem = f"{shown(each.name)!r} is not on the list `{setting}`"
            yield _finding(case, broken, each.path, each.start, problem, setting, each.name)


def _subnets(case: NetworkCase) -> Findings:
    """One finding for each object, about its subnet rather than about an address in it."""
    for plugin in case.plugins:
        outside = [
            each
            for each in subnets.written(plugin.values)
            if not subnets.are_inside(each.text, case.policy.allowed.subnets)
        ]
        with_subnet = {each.path[:-1] for each in outside if "/" in each.text}
        for text, path, start in outside:
            if "/" in text or path[:-1] not in with_subnet:
                problem = f"{shown(text)!r} is not inside the subnets of the list `subnets`"
                yield _finding(case, SUBNET, path, start, problem, "subnets", text)


def _sysctls(case: NetworkCase) -> Findings:
    for name, path, start in sysctls.written(case):
        if not all(is_listed(reading, case.policy.allowed.sysctls) for reading in sysctls.readings(name)):
            problem = f"{shown(name)!r} is not on the list `sysctls`"
            yield _finding(case, SYSCTL, path, start, problem, "sysctls", name)


def _finding(
    case: NetworkCase, broken: Rule, path: Path, start: int, problem: str, setting: str, name: str
) -> Finding:
    allowed: tuple[str, ...] = getattr(case.policy.allowed, setting)
    use = f"use one of the list ({', '.join(allowed)})" if allowed else "remove it"
    return Finding(broken, path, problem, f"{use}, or {_listing(case, setting, shown(name))}", start)


def _listing(case: NetworkCase, setting: str, name: str) -> str:
    return ask(case.policy, f"list {name} under {case.policy.lists}.{setting}")
