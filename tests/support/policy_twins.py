"""Twins of what the daemon's gate has to know."""

from __future__ import annotations

from dataclasses import dataclass, field

from netattach_core.errors import TryAgainError
from netattach_core.policy import case, levels
from netattach_core.policy.case import Surroundings
from netattach_core.policy.levels import NamespacePolicy


@dataclass
class FixedPolicies:
    """The port Policies: `known` by namespace, `default` for all others; `unknown` are namespaces whose labels are not known."""

    known: dict[str, NamespacePolicy] = field(default_factory=dict)
    default: NamespacePolicy = levels.PRIVILEGED
    unknown: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def of_namespace(self, namespace: str) -> NamespacePolicy:
        self.asked.append(namespace)
        if namespace in self.unknown:
            raise TryAgainError(f"the labels of namespace {namespace} are not known")
        return self.known.get(namespace, self.default)


@dataclass
class FixedSurroundings:
    """The port NodeSurroundings."""

    around: Surroundings | None = case.NOTHING_KNOWN

    async def current(self) -> Surroundings:
        if self.around is None:
            raise TryAgainError("this node's inventory is not known yet")
        return self.around
