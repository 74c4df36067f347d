"""Paths of the node in a network's configuration: each is a file that a plugin opens as root in its author's name."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from netattach_core.cni.plugin_aliases import canonical_name
from netattach_core.net.names import shown
from netattach_core.plugins import main_plugin
from netattach_core.policy import host_places
from netattach_core.policy.case import Findings, NetworkCase, PluginCase, ask, rule
from netattach_core.policy.host_places import ANY, NAMES, Use
from netattach_core.text.finding import Finding, Path
from netattach_core.text.json_document import Node
from netattach_core.validation.plugin_chain import Entry

HOST_PATH = rule("policy-host-path", "a path of the node outside of the places for plugins")

RULES = (HOST_PATH,)

_USES: tuple[tuple[re.Pattern[str], Use], ...] = tuple(
    (re.compile(pattern), use)
    for pattern, use in (
        (r"kernelpath", Use(0)),  # names a device of host-device, below /sys/devices
        (r".*(resolvconf|subnetfile|nodenamefile)", Use.FACTS),
        (r".*kubeconfig|.*(config|conf|configuration)(file|path|dir|directory)", Use.CONFIG),
        (r".*(cert|certificate|key|ca|authority|token|credentials|secret)(file|path|dir)", Use.CONFIG),
        (r".*log(file|path|dir|filepath|filename)", Use.LOG),
        (r".*sock(et)?(file|path|dir|name)?", Use.SOCKET),
        (r".*bin(ary)?(file|path|dir)s?", Use.BINARIES),
        (r".*(dir|directory|folder)", Use.DATA),
        (r".*(file|filename|path)s?", ANY),
    )
)
"""The use of a path by its key, in lower case and without `-` and `_`; the first pattern decides."""

_ABSOLUTE = re.compile(r"(?:^|(?<==))/+[^/0-9].*", re.DOTALL)
"""A path, unlike `/24`, perhaps after an option: `--config=/etc/x`."""
_BARE = Use.LOG | Use.DATA | Use.CONFIG | Use.FACTS
"""Uses for which a name without a directory is a path, too, in a plugin that is known to open it."""
_SCHEME = re.compile(r"(?:unix|file):(?://)?(?=/)", re.IGNORECASE)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class _Value:
    """A string of the configuration, and its key in lower case. `unknown`: the plugin is not known, and may read any key."""

    path: Path
    key: str
    text: str
    start: int
    unknown: bool


def check_network(case: NetworkCase) -> Findings:
    """Paths outside of the places that are fine for them (`host_places`), under any key that looks like one for a path.

    In the configuration of an unknown plugin, every absolute path counts.
    """
    for plugin in case.plugins:
        for value, use in _paths(plugin):
            yield from _finding(case, value, use)


def _finding(case: NetworkCase, value: _Value, use: Use) -> Findings:
    option = _ABSOLUTE.search(value.text) if value.unknown else None
    text = option.group() if option else _SCHEME.sub("", value.text, count=1)
    is_bare = "/" not in text and text != ".."
    may_be_address = value.unknown or use in {ANY, Use.SOCKET}
    if not text or (is_bare and (may_be_address or not use & _BARE)) or (may_be_address and _URL.match(text)):
        return  # the plugin's default, a name, or an address
    name = case.network.top.text("name") or case.nad.name
    place = f"{text}/{name}" if _is_lease_store(value) else text
    why = host_places.problem(place, use)
    if why is None:
        return
    problem = (
        f"`{_written(value.path)}` names {shown(place)!r} on the node, {why}; the plugin uses it as root"
    )
    fine = NAMES[use][1].format(network=case.nad.name)
    fix = f"write {fine}, or {ask(case.policy, 'give the namespace the level privileged under policy.namespaces')}"
    yield Finding(HOST_PATH, value.path, problem, fix, value.start)


def _written(path: Path) -> str:
    """The key as the author wrote it."""
    return shown(next(part for part in reversed(path) if isinstance(part, str)))


def _is_lease_store(value: _Value) -> bool:
    """host-local appends the network's name to its directory (`backend/disk/backend.go: New`)."""
    return value.key == "datadir" and len(value.path) >= 2 and str(value.path[-2]).casefold() == "ipam"


def _paths(plugin: PluginCase) -> Iterator[tuple[_Value, Use]]:
    """The strings of a plugin's configuration that may be paths: also of keys that are there twice, of which Go reads one."""
    top, unknown = len(plugin.entry.raw.path) + 1, False
    for path, key, node in plugin.values[1:]:
        if len(path) == top:
            unknown = _may_read_any(plugin.entry, key, node)
        text = node.value
        if isinstance(text, str):
            use = _use(key) or (ANY if unknown and _ABSOLUTE.search(text) else None)
            if use:
                yield _Value(path, key, text, node.start, unknown), use


def _may_read_any(entry: Entry, key: str, node: Node) -> bool:
    """Whether a plugin that is not known may read what is in this member of the configuration."""
    if key == "ipam":
        return entry.ipam_plugin is None or bool(entry.ipam_plugin.schema.get("open"))
    unknown = entry.plugin is None or bool(entry.schema.get("open"))
    return unknown or (key == "delegate" and _delegates_to_unknown(node))


def _delegates_to_unknown(node: Node) -> bool:
    types = [m.node.value for m in node.members if m.key.casefold() == "type"]
    return any(not isinstance(kind, str) or main_plugin(canonical_name(kind)) is None for kind in types)


@functools.lru_cache(1024)
def _use(key: str) -> Use | None:
    """The use of a path under this key; None for a key that does not look like one for a path."""
    plain = key.replace("-", "").replace("_", "")
    return next((use for pattern, use in _USES if pattern.fullmatch(plain)), None)
