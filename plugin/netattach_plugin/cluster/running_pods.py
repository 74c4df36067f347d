"""The running pods of this node, watched: metadata only, and only while they run, which is half of a pod's changes.

What metadata does not say is read of a single pod, where it seems to lack a network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from netattach_core.api import networks_annotation
from netattach_core.api.objects import Body
from netattach_core.api.pod import PodRef
from netattach_core.attach import unmet_pods
from netattach_core.errors import NotFoundError
from netattach_kube.api import Api
from netattach_kube.resource import PODS
from netattach_kube.watched import Watched

_MIRROR = "kubernetes.io/config.mirror"
_KEPT = (
    networks_annotation.NETWORKS,
    networks_annotation.DEFAULT_NETWORK,
    networks_annotation.SKIP_DEFAULT_NETWORKS,
)
_NONE: Mapping[str, str] = {}
_GET_SECONDS = 2.0

_PAUSE = 0.5
"""Seconds between two reads of the watch."""


@dataclass(frozen=True, slots=True)
class RunningPod:
    """`ref` has the UID of the API, `runtime_uid` that of the container runtime, which differs for a static pod."""

    ref: PodRef
    runtime_uid: str
    annotations: Mapping[str, str]


class RunningPods:
    """The port of that name. Pods that are being deleted are left out."""

    def __init__(self, api: Api, node: str) -> None:
        self._api = api
        self._pods: Watched[RunningPod] = Watched(
            api,
            PODS,
            _pod,
            fields=f"spec.nodeName={node},status.phase=Running",
            metadata_only=True,
            pause=_PAUSE,
        )

    async def run(self) -> None:
        """Never returns."""
        await self._pods.run()

    @property
    def synced(self) -> asyncio.Event:
        return self._pods.synced

    def __iter__(self) -> Iterator[RunningPod]:
        return iter(self._pods)

    async def in_pod_network(self, pod: RunningPod, booted: float) -> bool | None:
        """Whether the pod has a network of its own and one of its containers runs; None for one of the node's network.

        `booted`: when the node was started, in seconds since the epoch; until the kubelet reports, the API has containers from
        before.
        Raises NetattachError where the API does not answer.
        """
        try:
            body = await self._api.get(PODS, pod.ref.name, pod.ref.namespace, seconds=_GET_SECONDS)
        except NotFoundError:
            return False
        if (body.get("spec") or {}).get("hostNetwork"):
            return None
        metadata, status = body["metadata"], body.get("status") or {}
        is_alive = metadata["uid"] == pod.ref.uid and not metadata.get("deletionTimestamp")
        return is_alive and status.get("phase") == "Running" and _has_running_container(status, booted)


def _pod(body: Body) -> RunningPod | None:
    metadata = body["metadata"]
    if metadata.get("deletionTimestamp"):
        return None
    annotations = metadata.get("annotations") or {}
    kept = {key: annotations[key][: unmet_pods.LONGEST + 1] for key in _KEPT if key in annotations}
    ref = PodRef(metadata["namespace"], metadata["name"], metadata["uid"])
    return RunningPod(ref, annotations.get(_MIRROR, metadata["uid"]), kept or _NONE)


def _has_running_container(status: Mapping[str, Any], booted: float) -> bool:
    found = (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ()))
    started = ((each.get("state") or {}).get("running") or {} for each in found)
    return any(_seconds(each["startedAt"]) >= booted for each in started if each.get("startedAt"))


def _seconds(time: str) -> float:
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return 0.0
