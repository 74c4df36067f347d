"""Which level a namespace has, and from where.

The order: the first matching entry of the settings; the namespaces of the cluster's owner; the namespace's own label of
Pod Security (https://kubernetes.io/docs/concepts/security/pod-security-admission/); `policy.default`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netattach_core.net.names import shown
from netattach_core.policy.settings import (
    DEFAULT_LIMITS,
    LEVELS,
    NO_LISTS,
    AllowLists,
    Level,
    Limits,
    Mode,
    PolicySettings,
)

_LABEL = "pod-security.kubernetes.io/"
ENFORCE_LABEL = f"{_LABEL}enforce"
_SETTINGS = "policy.namespaces"


@dataclass(frozen=True, slots=True)
class NamespacePolicy:
    """The policy of one namespace: the levels that refuse, warn and audit, what `restricted` allows, the limits.

    `pod_security` is the level that Pod Security enforces for its pods. `source` says what decided, for messages: "the label
    pod-security.kubernetes.io/enforce=restricted"; `lists` is the setting with the lists, "" where none is in force.
    """

    namespace: str
    enforce: Level = Level.PRIVILEGED
    warn: Level = Level.PRIVILEGED
    audit: Level = Level.PRIVILEGED
    pod_security: Level = Level.PRIVILEGED
    allowed: AllowLists = NO_LISTS
    limits: Limits = DEFAULT_LIMITS
    source: str = "policy.default"
    lists: str = "policy.restricted"

    @property
    def strictest(self) -> Level:
        """Rules of a stricter level than this have no effect at all."""
        return max(self.enforce, self.warn, self.audit)

    @property
    def trusted(self) -> bool:
        """Whether its authors may exempt their own networks from safety rules by annotations."""
        return self.enforce is Level.PRIVILEGED and self.strictest is Level.PRIVILEGED


def of_namespace(settings: PolicySettings, namespace: str, labels: Mapping[str, str]) -> NamespacePolicy:
    """The policy of a namespace with these labels; without labels where they are not known."""
    pod_security = _of_label(labels) or Level.PRIVILEGED
    found = _by_entry(settings, namespace, labels) or _by_label(settings, namespace, labels)
    enforce, warn, audit, allowed, source, lists = found
    levels = _under(settings.mode, enforce, warn, audit)
    return NamespacePolicy(namespace, *levels, pod_security, allowed, settings.limits, source, lists)


_Found = tuple[Level, Level, Level, AllowLists, str, str]


def _by_entry(settings: PolicySettings, namespace: str, labels: Mapping[str, str]) -> _Found | None:
    for index, entry in enumerate(settings.namespaces):
        if not entry.matches(namespace, labels):
            continue
        if namespace in settings.trusted and not entry.names(namespace):
            continue  # a pattern such as `*` must not lock the cluster's owner out
        levels = _under(entry.mode, entry.level, entry.warn, entry.audit)
        where = f"{_SETTINGS}[{index}]"
        return *levels, entry.allowed, where, where
    return None


def _by_label(settings: PolicySettings, namespace: str, labels: Mapping[str, str]) -> _Found:
    lists = "policy.restricted"
    if namespace in settings.trusted:
        owner = Level.PRIVILEGED
        return owner, owner, owner, settings.restricted, "the cluster's own namespaces", lists
    warn, audit = (
        LEVELS.get(labels.get(f"{_LABEL}{mode}", ""), Level.PRIVILEGED) for mode in (Mode.WARN, Mode.AUDIT)
    )
    level = _of_label(labels)
    if level is not None:
        by = f"the label {ENFORCE_LABEL}={shown(labels[ENFORCE_LABEL])}"
        return level, warn, audit, settings.restricted, by, lists
    return settings.default, warn, audit, settings.restricted, "policy.default", lists


def _of_label(labels: Mapping[str, str]) -> Level | None:
    """The level in the label, None without it. A misspelt one is `restricted`, as in Pod Security (`helpers.go: ParseLevel`)."""
    text = labels.get(ENFORCE_LABEL)
    return None if text is None else LEVELS.get(text, Level.RESTRICTED)


def _under(mode: Mode, enforce: Level, warn: Level, audit: Level) -> tuple[Level, Level, Level]:
    """The levels where `mode` is the strictest one: in `warn` nothing is refused, in `audit` nothing is said."""
    if mode is Mode.ENFORCE:
        return enforce, warn, audit
    if mode is Mode.WARN:
        return Level.PRIVILEGED, max(enforce, warn), audit
    return Level.PRIVILEGED, Level.PRIVILEGED, max(enforce, warn, audit)


PRIVILEGED = NamespacePolicy("", source="nothing")
"""No policy: for callers that know of none."""
