"""The pods that run, watched, by the NADs that they use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from netattach_core.api.objects import Body, Key
from netattach_kube.api import Api
from netattach_kube.pods_by_nad import PAUSE, RUNNING, PodsByNad, networks_of
from netattach_kube.resource import PODS
from netattach_kube.watched import Watched


class PodWatch:
    """An index of pods by NAD. `changed` is called with each NAD whose pods have changed.

    `namespace` returns the one in which default networks without a namespace are looked up. Terminating pods count as users of
    their networks, unless `terminating` is False.
    """

    def __init__(
        self,
        api: Api,
        namespace: Callable[[], str],
        *,
        terminating: bool = True,
        changed: Callable[[Key], None] = lambda _: None,
    ) -> None:
        self._namespace = namespace
        self._terminating = terminating
        self._changed = changed
        self._index = PodsByNad()
        self._pods = Watched(
            api,
            PODS,
            self._networks,
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
        """The pod uses these networks from now on, as its annotation has them; "" for a deleted pod."""
        for nad in self._index.put(pod, networks):
            self._changed(nad)

    def _networks(self, pod: Body) -> str | None:
        if not self._terminating and pod["metadata"].get("deletionTimestamp"):
            return None
        return networks_of(pod, self._namespace())

    def _pod_changed(self, pod: Key) -> None:
        self.put(pod, self._pods.get(*pod) or "")
