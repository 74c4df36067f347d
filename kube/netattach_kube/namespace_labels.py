"""The labels of namespaces, watched; of one that the watch has not reported, requested."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from netattach_core.api.objects import Body
from netattach_core.errors import NotFoundError
from netattach_kube.api import Api
from netattach_kube.resource import NAMESPACES
from netattach_kube.watched import Watched

_SECONDS = 0.5


class NamespaceLabels:
    """`synced` is set once all namespaces have been listed."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._labels: Watched[Mapping[str, str]] = Watched(api, NAMESPACES, _labels, metadata_only=True)

    @property
    def synced(self) -> asyncio.Event:
        return self._labels.synced

    async def run(self) -> None:
        """Never returns."""
        await self._labels.run()

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
