"""The labels of namespaces, watched; of one that the watch has not reported, requested."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from netattach_core.api.objects import Body, Key
from netattach_core.errors import NotFoundError
from netattach_kube.api import Api
from netattach_kube.resource import NAMESPACES
from netattach_kube.watched import Watched

_SECONDS = 0.5


class NamespaceLabels:
    """`synced` is set once all have been listed. `gone` is called for each deleted one, `changed` for each new or changed one."""

    def __init__(
        self,
        api: Api,
        gone: Callable[[str], None] = lambda _: None,
        changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._api = api
        self._gone = gone
        self._notify = changed
        self._labels: Watched[Mapping[str, str]] = Watched(
            api, NAMESPACES, _labels, metadata_only=True, changed=self._changed
        )

    @property
    def synced(self) -> asyncio.Event:
        return self._labels.synced

    async def run(self) -> None:
        """Never returns."""
        await self._labels.run()

    def has(self, namespace: str) -> bool:
        """Whether the watch has reported it."""
        return self._labels.get("", namespace) is not None

    def known(self, namespace: str) -> Mapping[str, str]:
        """The labels that the watch has reported; none where it has not."""
        return self._labels.get("", namespace) or {}

    def _changed(self, key: Key) -> None:
        (self._notify if self.has(key[1]) else self._gone)(key[1])

    async def labels(self, namespace: str) -> Mapping[str, str]:
        """None of a namespace that does not exist. Raises TryAgainError where it can be neither found nor requested."""
        known = self._labels.get("", namespace)
        if known is not None:
            return known
        try:
            return _labels(await self._api.get_metadata(NAMESPACES, namespace, seconds=_SECONDS))
        except NotFoundError:
            return {}


def _labels(body: Body) -> Mapping[str, str]:
    labels = body["metadata"].get("labels") or {}
    return {str(key): str(value) for key, value in labels.items()}
