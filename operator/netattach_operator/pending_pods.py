"""Says of a pending pod that no node is left for its networks, and which network rules out which node, by an Event on the pod.

The scheduler's own message only counts nodes that do not match. An Event is written where a pod has waited for a moment, and
again where other networks or other reasons are in its way; its name follows from these, so that a new leader repeats nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Collection
from dataclasses import dataclass

from netattach_core import admission
from netattach_core.admission.pod_nodes import RuledOut
from netattach_core.api.objects import Body, Key
from netattach_core.errors import ConflictError, NetattachError, NotFoundError
from netattach_core.mutation import exempt_pods, pod_networks
from netattach_core.readiness.reason import NOT_SELECTED
from netattach_kube import events
from netattach_kube.api import Api
from netattach_kube.events import Subject
from netattach_kube.resource import PODS
from netattach_kube.watched import Watched
from netattach_operator.view import View

_log = logging.getLogger(__name__)

REASON = "NoNodeForNetworks"

_PENDING = "spec.nodeName=,status.phase=Pending"
_PAUSE = 0.5
_DEBOUNCE = 2.0
"""Seconds after a change: the scheduler takes a fraction of one for a pod that has a node."""

_AT_ONCE = 100
"""Events that are written in one pass; the others follow in the next one."""

_SOURCE = {"component": "netattach-operator"}

_Signature = frozenset[tuple[Key, str]]
"""The networks that rule out nodes, each with the codes of its reasons."""


@dataclass(frozen=True, slots=True)
class _Pending:
    uid: str
    networks: tuple[Key, ...]


class PendingPods:
    """`changed` has to be called where the readiness of a network has changed on a node."""

    def __init__(self, api: Api, view: View) -> None:
        self._api = api
        self._view = view
        self._due = asyncio.Event()
        self._reported: dict[Key, tuple[str, _Signature]] = {}
        self._pods = Watched(
            api,
            PODS,
            self._read,
            fields=_PENDING,
            metadata_only=True,
            pause=_PAUSE,
            changed=self._pod_changed,
        )

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pods.run(), name="watch of pending pods")
            while True:
                await self._due.wait()
                await asyncio.sleep(_DEBOUNCE)
                self._due.clear()
                await self.report()

    def changed(self) -> None:
        if self._pods.items():
            self._due.set()

    async def report(self) -> None:
        """Writes the Events that are missing."""
        nodes, written = list(self._view.cluster_nodes), 0
        known: dict[tuple[str, tuple[Key, ...]], RuledOut | None] = {}
        for key, pod in list(self._pods.items().items()):
            group = key[0], pod.networks
            if group not in known:
                found = self._ruled_out(pod.networks)
                known[group] = found if admission.is_no_node_left(found, nodes) else None
            in_the_way = known[group]
            if in_the_way is None:
                self._reported.pop(key, None)
                continue
            if self._reported.get(key) == (pod.uid, _signature(in_the_way)):
                continue
            if written == _AT_ONCE:
                self._due.set()
                return
            written += 1
            await self._report(key, pod, in_the_way, nodes)

    def _ruled_out(self, networks: Collection[Key]) -> RuledOut:
        """By network, the nodes on which it is not ready, or which it is not for."""
        readiness = self._view.readiness
        return {
            key: {**dict.fromkeys(readiness.not_selected(key), NOT_SELECTED), **readiness.ruled_out(key)}
            for key in networks
        }

    async def _report(self, key: Key, pod: _Pending, found: RuledOut, nodes: Collection[str]) -> None:
        """Looks at the whole pod first: it may have got a node, and one with hostNetwork needs no networks."""
        signature = _signature(found)
        try:
            if await self._still_waits(key, pod.uid):
                sentence = admission.no_node_left(found, nodes, key[0])
                subject = Subject(PODS, key[1], key[0], pod.uid)
                await events.post(
                    self._api,
                    subject,
                    kind=events.WARNING,
                    reason=REASON,
                    message=sentence,
                    source=_SOURCE,
                    name=_event_name(key[1], pod.uid, signature),
                )
        except ConflictError:
            pass  # a former leader has written it
        except NetattachError as error:
            _log.info("the Event on pod %s is not written yet: %s", "/".join(key), error)
            self._due.set()
            return
        self._reported[key] = pod.uid, signature

    async def _still_waits(self, key: Key, uid: str) -> bool:
        namespace, name = key
        try:
            body = await self._api.get(PODS, name, namespace)
        except NotFoundError:
            return False
        unscheduled = not exempt_pods.has_its_node(body) and not exempt_pods.gets_no_networks(body)
        return unscheduled and body["metadata"]["uid"] == uid

    def _read(self, body: Body) -> _Pending | None:
        """None for a pod without networks, and one that is being deleted or belongs to a DaemonSet."""
        metadata = body["metadata"]
        if metadata.get("deletionTimestamp") or exempt_pods.has_its_node(body):
            return None
        networks = pod_networks.of_pod(
            body, metadata.get("namespace", ""), self._view.settings.validation.selection
        )
        return _Pending(metadata.get("uid", ""), tuple(dict.fromkeys(networks))) if networks else None

    def _pod_changed(self, key: Key) -> None:
        if self._pods.get(*key) is None:
            self._reported.pop(key, None)
        else:
            self._due.set()


def _signature(found: RuledOut) -> _Signature:
    return frozenset((network, reason.code) for network, nodes in found.items() for reason in nodes.values())


def _event_name(pod: str, uid: str, signature: _Signature) -> str:
    text = f"{uid} {sorted(signature)}"
    return f"{pod[:200].rstrip('-.')}.{hashlib.sha256(text.encode()).hexdigest()[:16]}"
