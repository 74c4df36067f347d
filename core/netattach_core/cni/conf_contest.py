"""Whether another program contests netattach's place as the first CNI config of the node.

A conflist that is lost once is written again at once: an update of the default network may have cleared the directory. One that
is lost twice within about a minute is taken away on purpose, by Cilium (`cni.exclusive`) or another meta-plugin. Writing it
again and again would hide that pods start without their networks in between, so netattach stops, reports it, and tries again
ever later.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netattach_core.cni import config, netattach_conf
from netattach_core.cni.meta_plugins import META_PLUGINS
from netattach_core.errors import ConfigError

WINDOW = 75.0
"""Seconds: two losses within them are a contest. That is a minute, and time for a program that looks once a minute."""

FIRST_PAUSE, LONGEST_PAUSE = 60.0, 600.0
"""Seconds after a loss in which the conflist is not written; they double with each loss of the same contest."""

TRIAL = 120.0
"""Seconds for which the conflist has to stay, once it is written again, until the contest is over."""

_CILIUM_SUFFIX = ".cilium_bak"
"""What Cilium appends to the names of all CNI configs but its own (cilium, `daemon/cmd/cni/config.go`)."""

_CILIUM_TYPE = "cilium-cni"


class Action(enum.Enum):
    """What to do with the conflist."""

    UNCONTESTED = "write it where it is missing or differs"
    YIELD = "leave the directory alone"
    TRIAL = "write it, and see whether it stays"


@dataclass(frozen=True, slots=True)
class Losses:
    """What counts of all losses: the time of the last one, in seconds, and the pause after it, 0 outside of a contest."""

    last: float = float("-inf")
    pause: float = 0.0

    def with_another(self, now: float) -> Losses:
        """`now` is the time at which the conflist was found lost, not before the last loss."""
        since = now - self.last
        if self.pause and since < self.pause + TRIAL:
            return Losses(now, min(2 * self.pause, LONGEST_PAUSE))
        return Losses(now, FIRST_PAUSE if since <= WINDOW else 0.0)

    def next_action(self, now: float) -> Action:
        """`now` is not before the last loss."""
        since = now - self.last
        if since < self.pause:
            return Action.YIELD
        return Action.TRIAL if self.pause and since < self.pause + TRIAL else Action.UNCONTESTED


@dataclass(frozen=True, slots=True)
class Loss:
    """What happened to the conflist ("it was renamed to …"), and what an administrator can do about it."""

    what: str
    remedy: str


def find_loss(name: str, conflist: bytes, files: Mapping[str, bytes]) -> Loss | None:
    """None while the file `name` with this conflist is the first CNI config; `files` are all names and contents."""
    earlier = netattach_conf.files_before(name, files)
    if not earlier and files.get(name) == conflist:
        return None
    return Loss(_what(name, conflist, files, earlier), _remedy(name, files))


def _what(name: str, conflist: bytes, files: Mapping[str, bytes], earlier: Sequence[str]) -> str:
    if earlier:
        return f"{earlier[0]}{_types_of(files[earlier[0]])} was put before it"
    if name in files:
        return f"its content was replaced{_types_of(files[name])}"
    renamed = [other for other, content in files.items() if content == conflist]
    return f"it was renamed to {min(renamed)}" if renamed else "it was removed"


def _remedy(name: str, files: Mapping[str, bytes]) -> str:
    first = min((each for each in files if each.endswith(netattach_conf.SUFFIXES)), default="")
    types = _types(files.get(first, b""))
    if f"{name}{_CILIUM_SUFFIX}" in files or _CILIUM_TYPE in types:
        return "set cni.exclusive=false in Cilium's Helm values"
    if META_PLUGINS & {*types} - {netattach_conf.TYPE}:
        return f"only one meta-plugin can be first: uninstall the one of {first}, or netattach"
    uses = f", which is now {first}{_types_of(files[first])}" if first else ""
    return f"stop the program that wants another first CNI config{uses}"


def _types_of(content: bytes) -> str:
    types = _types(content)
    return f" (type {', '.join(types)})" if types else ""


def _types(content: bytes) -> tuple[str, ...]:
    """The types of its plugins; none if it cannot be read."""
    try:
        return tuple(plugin.type for plugin in config.parse(content.decode()).plugins)
    except (UnicodeDecodeError, ConfigError):
        return ()
