"""`cni-args`: what a pod passes to all plugins of a network as `args.cni`, past the network's author.

tuning takes its sysctls, MAC address, MTU and flags from there (`tuning.go: parseConf`), others what they like. The MAC address
and the MTU are those of the pod's own interface, as with `mac`, so they are allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.net.names import shown
from netattach_core.policy import allow_lists, sysctls
from netattach_core.policy.case import Findings, PodCase, ask, rule
from netattach_core.text.finding import Finding, Path

RULE = rule("policy-cni-args", "an argument that a pod may not pass to the plugins of its networks")

RULES = (RULE,)

_KEY = "cni-args"

_OF_THE_RUNTIME = {
    "runtimeconfig": "",
    "prevresult": "",
    "capabilities": "",
    "delegate": "",
    "delegates": "",
    "portmappings": "portMappings",
    "deviceid": "deviceID",
    "pcibusid": "deviceID",
}
"""Keys that only a runtime sets, case-folded, with the key of the annotation that requests the same and that policy checks."""

_FLAGS = frozenset({"promisc", "allmulti"})


def check_pod(case: PodCase) -> Findings:
    """Sysctls that policy does not allow, paths, and keys that only a runtime sets."""
    for path, selection in case.selections():
        for key, value in selection.cni_args.items():
            at = (*path, _KEY, key)
            if key.casefold() == "sysctl":
                yield from _sysctls(case, at, value)
            elif key.casefold() in _OF_THE_RUNTIME:
                yield _of_the_runtime(at, key)
            else:
                yield from _paths(case, selection, at, {key: value})


def check_restricted_pod(case: PodCase) -> Findings:
    """Sysctls that are not listed, and flags that make an interface receive what is sent to others.

    Pod Security's restricted takes the ability to set these flags (CAP_NET_RAW) from pods too.
    """
    for path, selection in case.selections():
        for key, value in selection.cni_args.items():
            at = (*path, _KEY, key)
            if key.casefold() == "sysctl":
                yield from _unlisted_sysctls(case, at, value)
            elif key.casefold() in _FLAGS and value:
                problem = (
                    f"`{key}` makes the interface receive what is sent to others, and namespace "
                    f"{case.policy.namespace!r} is restricted"
                )
                yield Finding(RULE, at, problem, f"remove it, or {ask(case.policy, 'set it in the network')}")


def _sysctls(case: PodCase, at: Path, value: Any) -> Iterator[Finding]:
    for name in value if isinstance(value, dict) else ():
        if not sysctls.is_safe(name):
            problem = f"the sysctl `{shown(name)}` is not one of the pod's own network stack"
            owner = ask(case.policy, "give the namespace the level privileged under policy.namespaces")
            yield Finding(RULE, (*at, name), problem, f"remove it, or {owner}")


def _unlisted_sysctls(case: PodCase, at: Path, value: Any) -> Iterator[Finding]:
    allowed = case.policy.allowed.sysctls
    for name in value if isinstance(value, dict) else ():
        unlisted = any(not allow_lists.is_listed(each, allowed) for each in sysctls.readings(name))
        if sysctls.is_safe(name) and unlisted:
            problem = (
                f"the sysctl `{shown(name)}` is not one that namespace {case.policy.namespace!r} may set"
            )
            owner = ask(case.policy, f"list {shown(name)} under {case.policy.lists}.sysctls")
            yield Finding(RULE, (*at, name), problem, f"remove it, or {owner}")


def _of_the_runtime(at: Path, key: str) -> Finding:
    instead = _OF_THE_RUNTIME[key.casefold()]
    problem = f"`{key}` is for container runtimes; a pod may not pass it to plugins"
    return Finding(RULE, at, problem, f"write `{instead}` next to `{_KEY}`" if instead else "remove it")


def _paths(case: PodCase, selection: NetworkSelection, at: Path, value: Any) -> Iterator[Finding]:
    found = next((text for text in _texts(value) if _is_path(text)), None)
    if found is not None:
        problem = f"{shown(found)!r} is a path of the node, which plugins of {selection.full_name} would read as root"
        owner = ask(case.policy, "set it in the network, or give the namespace the level privileged")
        yield Finding(RULE, at, problem, f"remove it, or {owner}")


def _texts(value: Any) -> Iterator[str]:
    """All strings in a value, those of keys too."""
    waiting: list[Any] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, list):
            waiting += each


def _is_path(text: str) -> bool:
    """An absolute path, one that leaves its directory, or a URL of a file."""
    text = text.strip()
    return text.startswith(("/", "~/", "file:", "unix:")) or ".." in text.replace("\\", "/").split("/")
