"""The pods of this node: watched only while somebody asks for them, with one live GET for what the watch does not have.

Where the runtime passes the annotations with the call, no ADD reads a pod. Each pod changes about seven times in its life, and
each change of a watched pod costs the API server and the daemon more than the daemon would ever read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from netattach_core.api import networks_annotation
from netattach_core.api.pod import Pod, PodRef
from netattach_core.errors import NotFoundError
from netattach_kube.api import Api
from netattach_kube.resource import PODS
from netattach_kube.watched import Watched

_MIRROR = "kubernetes.io/config.mirror"
"""On the mirror pod of a static pod: the UID that the runtime has for it."""

_READ = (
    networks_annotation.NETWORKS,
    networks_annotation.DEFAULT_NETWORK,
    networks_annotation.SKIP_DEFAULT_NETWORKS,
    networks_annotation.NETWORK_STATUS,
    _MIRROR,
)
_GET_SECONDS = 2.0

_UNUSED_SECONDS = 600.0
"""The watch ends when nobody has asked for so long."""


class NodePods:
    """A pod is found by namespace, name and UID; a static one also by the UID that the runtime has for it."""

    def __init__(self, api: Api, node: str) -> None:
        self._api = api
        self._watched: Watched[Pod] = Watched(
            api, PODS, _pod, fields=f"spec.nodeName={node}", metadata_only=True
        )
        self._asked = asyncio.Event()

    async def run(self) -> None:
        """Never returns."""
        while True:
            await self._asked.wait()
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(self._watched.run(), name="watch of pods")
                while self._asked.is_set():
                    self._asked.clear()
                    await _pause()
                watch.cancel()
            self._watched.forget()

    async def find(self, ref: PodRef) -> Pod | None:
        """From the watch, which this starts, or from the API. Raises NetattachError where the API does not answer."""
        self._asked.set()
        return self.known(ref) or await self.read(ref)

    def known(self, ref: PodRef) -> Pod | None:
        """From the watch."""
        pod = self._watched.get(ref.namespace, ref.name)
        return pod if pod is not None and _is_same(pod, ref) else None

    async def read(self, ref: PodRef) -> Pod | None:
        """From the API. Raises NetattachError where that does not answer."""
        try:
            body = await self._api.get_metadata(PODS, ref.name, ref.namespace, seconds=_GET_SECONDS)
        except NotFoundError:
            return None
        found = _pod(body)
        return found if _is_same(found, ref) else None


async def _pause() -> None:
    await asyncio.sleep(_UNUSED_SECONDS)


def _pod(body: Mapping[str, Any]) -> Pod:
    """Keeps only the annotations that are read: a node has hundreds of pods, and annotations may be long."""
    metadata = body["metadata"]
    annotations = metadata.get("annotations") or {}
    kept = {key: annotations[key] for key in _READ if key in annotations}
    return Pod(PodRef(metadata["namespace"], metadata["name"], metadata["uid"]), kept)


def _is_same(pod: Pod, ref: PodRef) -> bool:
    return ref.uid in ("", pod.ref.uid, pod.annotations.get(_MIRROR))
