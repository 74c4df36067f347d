"""The port Policies: the settings' policy, applied to the labels of namespaces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from netattach_core.policy import levels
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import PolicySettings

Labels = Mapping[str, str]

_CACHED = 1024


class NamespacePolicies:
    """`settings` returns those in force, `labels` the labels of a namespace; what it raises, this raises."""

    def __init__(
        self, settings: Callable[[], PolicySettings], labels: Callable[[str], Awaitable[Labels]]
    ) -> None:
        self._settings = settings
        self._labels = labels
        self._known: dict[str, tuple[PolicySettings, Labels, NamespacePolicy]] = {}

    async def of_namespace(self, namespace: str) -> NamespacePolicy:
        """The same object until the settings or the labels change."""
        labels, settings = await self._labels(namespace), self._settings()
        known = self._known.get(namespace)
        if known is not None and known[0] is settings and known[1] == labels:
            return known[2]
        if len(self._known) >= _CACHED:
            self._known.clear()
        policy = levels.of_namespace(settings, namespace, labels)
        self._known[namespace] = settings, labels, policy
        return policy
