"""Evicts pods that run without a network that they ask for, where the settings say so, so that they are created again with it.

A node's daemon reports them, and whoever has captured one reports whatever he wants: so a pod is evicted only if it runs on
that node, asks for one of these networks, and has a controller that replaces it. Evictions respect PodDisruptionBudgets, and are
few at a time: what seems to concern each pod of the cluster may be a mistake.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.node_state import UnmetPod, UnmetReason
from netattach_core.api.objects import Body, Key
from netattach_core.errors import NetattachError, NotFoundError
from netattach_kube import events, requested_networks
from netattach_kube.api import Api
from netattach_kube.backoff import Backoff
from netattach_kube.cluster_settings import UnmetPods
from netattach_kube.events import Subject
from netattach_kube.resource import PODS
from netattach_operator.view import View
from netattach_operator.work_queue import WorkQueue

_log = logging.getLogger(__name__)

REASON = "EvictedWithoutNetworks"

_PATIENCE = 10.0
"""Seconds from a report to the eviction: the daemon may attach the network, or find that it was mistaken."""

_ONE_EVICTION_IN = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 300.0
_SOURCE = {"component": "netattach-operator"}

_MIRROR = "kubernetes.io/config.mirror"
"""Of a static pod's copy in the API, which cannot be evicted."""


class Evictor:
    """`node_changed` has to be called for each node whose inventory changes, and after each change of the settings."""

    def __init__(self, api: Api, view: View, clock: Callable[[], float]) -> None:
        self._api = api
        self._view = view
        self._queue = WorkQueue(clock)
        self._reported: dict[Key, UnmetPod] = {}
        """By node and "namespace/name": no daemon changes what another one has reported."""

        self._of_node: dict[str, frozenset[Key]] = {}
        self._backoffs: dict[Key, Backoff] = {}

    def node_changed(self, node: str) -> None:
        inventory = self._view.inventory(node)
        unmet = inventory.unmet_pods.pods if inventory and inventory.unmet_pods else ()
        reported = {(node, f"{pod.namespace}/{pod.name}"): pod for pod in _replaceable(unmet)}
        for key in self._of_node.pop(node, frozenset()) - reported.keys():
            self._forget(key)
        if reported:
            self._of_node[node] = frozenset(reported)
        for key, pod in reported.items():
            self._reported[key] = pod
            if key not in self._backoffs:
                self._queue.add(key, _PATIENCE)

    async def run(self) -> None:
        """Never returns."""
        while True:
            key = await self._queue.get()
            try:
                evicted = await self._try(key)
            finally:
                self._queue.done(key)
            if evicted:
                await asyncio.sleep(_ONE_EVICTION_IN)

    async def evict(self, key: Key) -> bool:
        """Evicts a pod if it is to be; returns whether it was. Raises NetattachError where it has to be retried."""
        pod = self._reported.get(key)
        if pod is None or self._view.settings.unmet_pods is not UnmetPods.EVICT:
            return False
        body = await self._api.get(PODS, pod.name, pod.namespace)
        if not _is_to_be_evicted(body, key[0], pod, self._view.settings.validation.selection):
            return False
        await self._api.evict(pod.name, pod.namespace, pod.uid)
        _log.info("pod %s is evicted: it lacks %s", key[1], ", ".join(pod.networks))
        await self._post_event(pod)
        return True

    async def _try(self, key: Key) -> bool:
        """No failure with one pod keeps the others from being evicted."""
        try:
            evicted = await self.evict(key)
        except NotFoundError:
            self._forget(key)
            return False
        except NetattachError as error:
            pause = self._backoffs.setdefault(key, Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)).next()
            self._queue.add(key, pause)
            _log.warning("pod %s is not evicted yet: %s", key[1], error)
            return False
        except Exception:  # noqa: BLE001  # see above
            _log.exception("internal error: pod %s is not evicted", key[1])
            return False
        self._backoffs.pop(key, None)
        return evicted

    async def _post_event(self, pod: UnmetPod) -> None:
        subject = Subject(PODS, pod.name, pod.namespace, pod.uid)
        message = f"the pod ran without {', '.join(pod.networks)} ({pod.reason}); its controller replaces it"
        try:
            await events.post(
                self._api, subject, kind=events.WARNING, reason=REASON, message=message, source=_SOURCE
            )
        except NetattachError as error:
            _log.info("the Event on pod %s/%s is not written: %s", pod.namespace, pod.name, error)

    def _forget(self, key: Key) -> None:
        self._reported.pop(key, None)
        self._backoffs.pop(key, None)
        self._queue.forget(key)


def _replaceable(unmet: Iterable[UnmetPod]) -> Iterable[UnmetPod]:
    """Those that a new pod would help: where only the annotation has changed, the controller does not know of it."""
    return (pod for pod in unmet if pod.reason != UnmetReason.ANNOTATION_CHANGED and pod.uid)


def _is_to_be_evicted(body: Body, node: str, reported: UnmetPod, selection: SelectionSettings) -> bool:
    """Whether it is the pod that the node has reported, can be replaced, and asks for one of the networks that it lacks."""
    metadata, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    same = metadata.get("uid") == reported.uid and spec.get("nodeName") == node
    runs = status.get("phase") == "Running" and not metadata.get("deletionTimestamp")
    replaced = any(owner.get("controller") for owner in metadata.get("ownerReferences") or ())
    if not (same and runs and replaced) or _MIRROR in (metadata.get("annotations") or {}):
        return False
    asked = requested_networks.of_pod(body, selection.namespace)
    by_default = {(selection.namespace, name) for name in selection.defaults}
    return any(tuple(network.split("/", 1)) in asked | by_default for network in reported.networks)
