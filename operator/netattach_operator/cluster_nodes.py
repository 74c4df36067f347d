"""The cluster's Nodes and the daemons' pods, watched, as far as readiness and labels of nodes need them."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from netattach_core.api.objects import Body, Key
from netattach_core.readiness import node_label
from netattach_kube import cluster_settings
from netattach_kube.api import Api
from netattach_kube.resource import NODES, PODS
from netattach_kube.watched import Watched

TAINT = "netattach.io/not-ready"
"""The key of the taint of a node on which no attachment has worked yet. Its effect is NoSchedule."""

_COMPONENT = "app.kubernetes.io/component"
_DAEMON = "daemon"


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A Node: its labels without ours, our labels, whether it has our taint, and the ID of its boot, "" if unknown."""

    labels: Mapping[str, str]
    ours: Mapping[str, str]
    tainted: bool
    boot_id: str


@dataclass(frozen=True, slots=True)
class DaemonPod:
    """A daemon's pod: the node that it runs on, and whether it is ready."""

    node: str
    ready: bool


class ClusterNodes:
    """`changed` is called with the name of a node that has changed, or whose daemon has."""

    def __init__(self, api: Api, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._nodes: Watched[ClusterNode] = Watched(
            api, NODES, _node, changed=lambda key: self._changed(key[1])
        )
        self._daemons: Watched[DaemonPod] = Watched(
            api, PODS, _daemon, namespace=cluster_settings.NAMESPACE, changed=self._daemon_changed
        )
        self._nodes_of: dict[Key, str] = {}
        self._pods_on: defaultdict[str, set[Key]] = defaultdict(set)

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._nodes.run(), name="watch of nodes")
            tasks.create_task(self._daemons.run(), name="watch of daemons")

    async def synced(self) -> None:
        """Waits until both have been listed."""
        await self._nodes.synced.wait()
        await self._daemons.synced.wait()

    @property
    def is_synced(self) -> bool:
        return self._nodes.synced.is_set() and self._daemons.synced.is_set()

    def __iter__(self) -> Iterator[str]:
        """The names of all nodes, sorted."""
        return iter(sorted(name for _, name in self._nodes.items()))

    @property
    def count(self) -> int:
        """The number of nodes."""
        return len(self._nodes.items())

    def get(self, name: str) -> ClusterNode | None:
        return self._nodes.get("", name)

    def has_daemon(self, node: str) -> bool:
        """Whether a daemon's pod is on the node, ready or not."""
        return bool(self._pods_on.get(node))

    def daemon_ready(self, node: str) -> bool:
        pods = (self._daemons.get(*key) for key in self._pods_on.get(node, ()))
        return any(pod is not None and pod.ready for pod in pods)

    def _daemon_changed(self, key: Key) -> None:
        pod = self._daemons.get(*key)
        before, after = self._nodes_of.pop(key, ""), pod.node if pod else ""
        if before:
            self._pods_on[before].discard(key)
            if not self._pods_on[before]:
                del self._pods_on[before]
        if after:
            self._nodes_of[key] = after
            self._pods_on[after].add(key)
        for node in {before, after} - {""}:
            self._changed(node)


def _node(body: Body) -> ClusterNode:
    labels = _interned(body["metadata"].get("labels") or {})
    spec, status = body.get("spec") or {}, body.get("status") or {}
    return ClusterNode(
        labels={key: value for key, value in labels.items() if not key.startswith(node_label.PREFIX)},
        ours={key: value for key, value in labels.items() if key.startswith(node_label.PREFIX)},
        tainted=any(taint.get("key") == TAINT for taint in spec.get("taints") or ()),
        boot_id=(status.get("nodeInfo") or {}).get("bootID") or "",
    )


def _interned(labels: Mapping[str, str]) -> dict[str, str]:
    """Thousands of nodes have the same labels."""
    return {sys.intern(str(key)): sys.intern(str(value)) for key, value in labels.items()}


def _daemon(body: Body) -> DaemonPod | None:
    metadata, node = body["metadata"], (body.get("spec") or {}).get("nodeName")
    if (metadata.get("labels") or {}).get(_COMPONENT) != _DAEMON or not node:
        return None
    conditions = (body.get("status") or {}).get("conditions") or ()
    ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
    return DaemonPod(node, ready and not metadata.get("deletionTimestamp"))
