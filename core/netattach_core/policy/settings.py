"""The cluster owner's policy: which level a namespace has, what `restricted` allows there, and the limits for all.

`netattach_kube.policy_settings` parses it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from netattach_core.api.label_selector import Requirement

_WILDCARDS = "*?["


class Level(enum.IntEnum):
    """What a namespace may do; each level refuses all that the one before it refuses."""

    PRIVILEGED = 0
    BASELINE = 1
    RESTRICTED = 2

    @property
    def text(self) -> str:
        """As in the settings, and in the labels of Pod Security."""
        return self.name.lower()


LEVELS: Mapping[str, Level] = {level.text: level for level in Level}


class Mode(enum.StrEnum):
    """The effect of a finding of policy: it refuses, it warns, or it only leaves a trace in the API server's audit log."""

    ENFORCE = "enforce"
    WARN = "warn"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class AllowLists:
    """All that `restricted` allows; what an empty list does not name is refused.

    `subnets` are in CIDR notation, the others are names, in which `*` and `?` are wildcards.
    """

    plugins: tuple[str, ...] = ()
    ipam: tuple[str, ...] = ()
    masters: tuple[str, ...] = ()
    bridges: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    sysctls: tuple[str, ...] = ()


NO_LISTS = AllowLists()


@dataclass(frozen=True, slots=True)
class Limits:
    """The most plugins in the chain of one network, and the most secondary networks of one pod."""

    plugins_per_network: int = 16
    networks_per_pod: int = 32


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class NamespaceEntry:
    """The level of the namespaces that match one of the patterns, where there are any, and the label selector.

    `mode` is that of `level`; `warn` and `audit` are levels that only warn, or only audit, so that the owner sees beforehand whom
    a stricter level would hit.
    """

    patterns: tuple[str, ...] = ()
    selector: tuple[Requirement, ...] = ()
    level: Level = Level.BASELINE
    mode: Mode = Mode.ENFORCE
    warn: Level = Level.PRIVILEGED
    audit: Level = Level.PRIVILEGED
    allowed: AllowLists = NO_LISTS

    def matches(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether the entry is about this namespace."""
        named = not self.patterns or any(fnmatchcase(namespace, pattern) for pattern in self.patterns)
        return named and all(each.met(labels) for each in self.selector)

    def names(self, namespace: str) -> bool:
        """Whether the entry names this namespace without wildcards."""
        return namespace in self.patterns and not any(mark in namespace for mark in _WILDCARDS)


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """The whole policy. `trusted` are the namespaces of the cluster's owner, privileged unless an entry names them.

    `restricted` are the lists for namespaces that are restricted without an entry. `mode` is the strictest mode in force.
    """

    default: Level = Level.BASELINE
    mode: Mode = Mode.ENFORCE
    limits: Limits = DEFAULT_LIMITS
    namespaces: tuple[NamespaceEntry, ...] = ()
    restricted: AllowLists = NO_LISTS
    trusted: frozenset[str] = frozenset()


DEFAULTS = PolicySettings()
