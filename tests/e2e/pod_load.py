"""Pods that start on the nodes all the time: each reports the interfaces with an address that its container sees, and ends."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from e2e.lab.cluster import Cluster
from e2e.objects import STATUS, created, pod

_AT_ONCE = {"node1": 4, "node2": 2}
"""Pods of a node that have not ended yet: node2 is slower, and Multus loses an address of /24 with each pod (its issue #1449)."""

_PAUSE = 1.0
"""Seconds between two looks at what has ended."""

_STATUS_SECONDS = 30.0
"""A busy API server may get the network-status of a pod after the pod has ended."""

_LABEL = "pod-load"
_REPORT = "ip -4 -o addr | cut -d' ' -f2 | sort >/dev/termination-log"


class Report(NamedTuple):
    """The interfaces that a container saw, and the networks in its pod's network-status."""

    node: str
    interfaces: list[str]
    networks: list[str]


class PodLoad:
    """`networks`: for each node the annotation of its pods. Pods that have reported are deleted."""

    def __init__(self, cluster: Cluster, networks: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._networks = networks
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._numbers = itertools.count()
        self._unfinished: dict[str, str] = {}
        self._ended: dict[str, float] = {}
        self._started: Counter[str] = Counter()
        self.reports: dict[str, Report] = {}
        self.started: set[str] = set()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Pods start until the end of the block; then all of them have reported."""
        self._stop.clear()
        thread = threading.Thread(target=self._run, name="pod load")
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
        self._raise_failure()

    def wait_for(self, total: int, *, each: int) -> None:
        """Until so many pods have reported since the first block began, and of each node so many that start from now on."""
        wanted = {node: self._started[node] + each for node in self._networks}

        def reached() -> bool:
            self._raise_failure()
            done = Counter(report.node for report in self.reports.values())
            return done.total() >= total and all(done[node] >= number for node, number in wanted.items())

        try:
            self._cluster.eventually(reached, f"{total} pods, {each} more of each node", 300, every=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._describe(*[*self._unfinished][:2])}") from None

    def incomplete(self) -> dict[str, Report]:
        """The reports of pods that did not have all their networks, by pod."""
        return {name: report for name, report in self.reports.items() if not self._is_complete(report)}

    def without_status(self) -> set[str]:
        """The pods that did not get a network-status."""
        return {name for name, report in self.reports.items() if not report.networks}

    def _is_complete(self, report: Report) -> bool:
        names = self._networks[report.node].split(",")
        interfaces = ["eth0", "lo", *(f"net{number}" for number, _ in enumerate(names, 1))]
        networks = ["cbr0", *(f"default/{name}" for name in names)]
        return report.interfaces == interfaces and report.networks in (networks, [])

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._stop.wait(_PAUSE):
                self._collect()
                self._start_pods()
            self._cluster.eventually(self._has_collected_all, "all pods have reported", 180, every=_PAUSE)
        except Exception as error:  # noqa: BLE001  # raised again where the block ends
            self._failure = error

    def _has_collected_all(self) -> bool:
        self._collect()
        return not self._unfinished

    def _start_pods(self) -> None:
        missing = [
            node
            for node in self._networks
            for _ in range(_AT_ONCE[node] - Counter(self._unfinished.values())[node])
        ]
        bodies = [self._pod(node) for node in missing]
        if bodies:
            created(self._cluster, *bodies)
        self._unfinished |= {body["metadata"]["name"]: body["spec"]["nodeName"] for body in bodies}
        self._started.update(missing)
        self.started.update(self._unfinished)

    def _pod(self, node: str) -> dict[str, Any]:
        body = pod(f"load-{next(self._numbers):03}", self._networks[node], node=node)
        body["metadata"]["labels"] = {_LABEL: "true"}
        body["spec"]["restartPolicy"] = "Never"
        body["spec"]["containers"][0]["command"] = ["sh", "-c", _REPORT]
        return body

    def _collect(self) -> None:
        """Stores and deletes what has ended."""
        pods = {
            body["metadata"]["name"]: body for body in self._cluster.objects("pods", "--selector", _LABEL)
        }
        reported = [name for name in self._unfinished if self._has_reported(name, pods.get(name))]
        for name in reported:
            self.reports[name] = Report(
                self._unfinished.pop(name), _interfaces(pods[name]), _networks(pods[name])
            )
        if reported:
            self._cluster.kubectl("delete", "pods", *reported, "--wait=false")

    def _has_reported(self, name: str, body: dict[str, Any] | None) -> bool:
        phase = body["status"].get("phase") if body else "gone"
        if body is None or phase in ("gone", "Failed"):
            raise AssertionError(f"{name} is {phase}:\n{self._describe(name)}")
        if phase != "Succeeded":
            return False
        ended = self._ended.setdefault(name, time.monotonic())
        return bool(_networks(body)) or time.monotonic() - ended > _STATUS_SECONDS

    def _describe(self, *names: str) -> str:
        return self._cluster.kubectl("describe", "pods", *names, check=False).stdout


def _interfaces(body: dict[str, Any]) -> list[str]:
    (container,) = body["status"]["containerStatuses"]
    return str(container["state"]["terminated"]["message"]).split()


def _networks(body: dict[str, Any]) -> list[str]:
    return [entry["name"] for entry in json.loads(body["metadata"]["annotations"].get(STATUS, "[]"))]
