"""The pods that run, watched, by the NADs that they are attached to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from netattach_core.api.objects import Key
from netattach_kube.api import Api
from netattach_kube.pods_by_nad import PAUSE, RUNNING, PodsByNad, attached_to
from netattach_kube.resource import PODS
from netattach_kube.watched import Watched


class PodWatch:
    """An index of pods by NAD. `changed` is called with each NAD whose pods have changed. Terminating pods are still attached."""

    def __init__(self, api: Api, *, changed: Callable[[Key], None] = lambda _: None) -> None:
        self._changed = changed
        self._index = PodsByNad()
        self._pods = Watched(
            api,
            PODS,
            attached_to,
            fields=RUNNING,
            metadata_only=True,
            pause=PAUSE,
            changed=self._pod_changed,
        )

    @property
    def synced(self) -> asyncio.Event:
        return self._pods.synced

    async def run(self) -> None:
        """Never returns."""
        await self._pods.run()

    def pods(self, nad: Key) -> Sequence[Key]:
        """In the order of their keys."""
        return self._index.pods(nad)

    def count(self, nad: Key) -> int:
        return self._index.count(nad)

    def put(self, pod: Key, networks: str) -> None:
        """The pod is attached to these networks from now on, as `attached_to` returns them; "" for a deleted pod."""
        for nad in self._index.put(pod, networks):
            self._changed(nad)

    def _pod_changed(self, pod: Key) -> None:
        self.put(pod, self._pods.get(*pod) or "")
