"""Pods that start on both nodes all the time: each reports the interfaces that its container sees when it starts, and ends."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

from e2e.lab.cluster import Cluster
from e2e.objects import STATUS, created, pod

_AT_ONCE = {"node1": 6, "node2": 2}
"""Pods of a node that have not ended yet: node2's kernel is slower, and the load must not be more than it can start."""

_PAUSE = 1.0
"""Seconds between two looks at what has ended."""

_LABEL = "migration-load"
_REPORT = "ip -o link | cut -d: -f2 | cut -d@ -f1 | tr -d ' ' >/dev/termination-log"


class PodLoad:
    """`networks` is the annotation of each pod."""

    def __init__(self, cluster: Cluster, networks: str) -> None:
        self._cluster = cluster
        self._networks = networks
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._numbers = itertools.count()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Pods start until the end of the block; then all of them have ended."""
        thread = threading.Thread(target=self._run, name="pod load")
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
        if self._failure is not None:
            raise self._failure

    def wait_for(self, total: int, *, more: int) -> None:
        """Until so many pods have ended since the load began, and so many that start from now on."""
        wanted = max(total, len(self._pods()) + more)
        self._cluster.eventually(
            lambda: self._failure or sum(map(_has_ended, self._pods())) >= wanted,
            f"{wanted} pods have ended",
            seconds=300,
            every=1,
        )

    def reports(self) -> dict[str, tuple[list[str], list[str]]]:
        """By pod: its interfaces, and the networks in its network-status."""
        return {each["metadata"]["name"]: (_interfaces(each), _networks(each)) for each in self._pods()}

    def clear(self) -> None:
        self._cluster.kubectl("delete", "pods", "--selector", _LABEL, "--wait=true")

    def _run(self) -> None:
        try:
            while not self._stop.wait(_PAUSE):
                self._start_pods()
            self._cluster.eventually(lambda: not self._unfinished(), "all pods have ended", 180, every=1)
        except Exception as error:  # noqa: BLE001  # raised again where the block ends
            self._failure = error

    def _start_pods(self) -> None:
        missing = Counter(_AT_ONCE) - self._unfinished()
        if missing:
            created(self._cluster, *(self._pod(node) for node in missing.elements()))

    def _unfinished(self) -> Counter[str]:
        """The number of pods that have not ended, by node."""
        return Counter(each["spec"]["nodeName"] for each in self._pods() if not _has_ended(each))

    def _pod(self, node: str) -> dict[str, Any]:
        body = pod(f"load-{next(self._numbers):03}", self._networks, node=node)
        body["metadata"]["labels"] = {_LABEL: "true"}
        body["spec"]["restartPolicy"] = "Never"
        body["spec"]["containers"][0]["command"] = ["sh", "-c", _REPORT]
        return body

    def _pods(self) -> list[dict[str, Any]]:
        return self._cluster.objects("pods", "--selector", _LABEL)


def _has_ended(body: dict[str, Any]) -> bool:
    return bool(body["status"].get("phase") == "Succeeded")


def _interfaces(body: dict[str, Any]) -> list[str]:
    (container,) = body["status"]["containerStatuses"]
    return str(container["state"]["terminated"]["message"]).split()


def _networks(body: dict[str, Any]) -> list[str]:
    return [entry["name"] for entry in json.loads(body["metadata"]["annotations"].get(STATUS, "[]"))]
