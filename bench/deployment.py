"""A Deployment on one node of a real cluster, until its pods are ready and until they are gone, with and without netattach.

Needs a running cluster, alone on the machine: `make cluster`. The sides alternate. MULTUS_DAEMON and MULTUS_SHIM name the
binaries of Multus' thick plugin, to measure it too.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import functools
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]

import multus_thick
import status_floor
from api_requests import ApiRequests, writes
from e2e.lab import process
from e2e.lab.cluster import CONTROL, Cluster
from e2e.lab.places import AUDIT_LOG
from e2e.objects import NETWORKS, config, created, nad, pod
from program_cpu import OTHER, ProgramCpu

NAMESPACE = "deployment-bench"
WORKLOAD = "bench"
NADS = ("first", "second")
SECONDS = 300
"""A Deployment that takes longer has failed."""

SETTLE = 5.0
"""Seconds before each measurement, in which programs that were just started come to rest."""

_STATE = """
find /var/lib/cni/networks /var/lib/cni/netattach /var/lib/cni/results /var/lib/cni/multus -type f 2>/dev/null |
    grep -v -e last_reserved_ip -e /lock$ -e /chains/primary -e /chains/stand-in
ip -o link | cut -d: -f2 | cut -d@ -f1
ls /run/netns
"""
"""What pods leave on a node if they leave anything: leases, entries of ledgers and caches, links, namespaces."""


def main() -> None:
    """Measures; prints and saves the result. Fails where netattach has left anything on the node."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=80)
    parser.add_argument("--runs", type=int, default=5, help="of each side")
    parser.add_argument("--sides", nargs="*", choices=SIDES, help="all that can be measured, unless given")
    parser.add_argument("--settings", default="", help="the cluster's settings, as YAML")
    parser.add_argument("--name", default="deployment", help="of the result's file, after the date")
    parser.add_argument("--other-load", default="nothing", help="what else runs here, for the result's file")
    arguments = parser.parse_args()
    binaries = _multus_binaries()
    names = arguments.sides or [name for name, side in SIDES.items() if binaries or side.by != "Multus"]
    bench = Bench(Cluster(), arguments.pods, arguments.settings, binaries)
    try:
        with _node1_alone(bench.cluster), bench.networks():
            bench.run([SIDES[name] for name in names], arguments.runs)
    finally:  # what was measured before a failure counts
        _save(bench, arguments)
    left = {name: run["left"] for name, runs in bench.runs.items() for run in runs if run["left"]}
    if any(SIDES[name].by != "Multus" for name in left):
        sys.exit(f"pods are gone, and these are left on the node: {json.dumps(left)}")


def _save(bench: Bench, arguments: argparse.Namespace) -> None:
    sides = {name: _summary(runs, arguments.pods) for name, runs in bench.runs.items() if runs}
    result = {**_machine(arguments), "sides": sides, "runs": bench.runs}
    name = f"{str(result['date'])[:10]}-{arguments.name}.json"
    (ROOT / "bench/results" / name).write_text(json.dumps(result, indent=1) + "\n")
    print(_table(sides))


@dataclass(frozen=True)
class Side:
    """`by` is what attaches the pods; `networks` the pods' annotation."""

    by: str
    networks: str = ""


SIDES = {
    "default network alone": Side("nothing"),
    "default network, and a status": Side("status"),
    "netattach, no secondary networks": Side("netattach"),
    "netattach, two macvlan": Side("netattach", ",".join(NADS)),
    "Multus, no secondary networks": Side("Multus"),
    "Multus, two macvlan": Side("Multus", ",".join(NADS)),
}
BASE = "default network alone"


@dataclass
class Bench:
    """A cluster that is measured. `multus`: its binaries, or None. `runs`: what was measured, by the name of the side."""

    cluster: Cluster
    pods: int
    settings: str
    multus: multus_thick.Binaries | None
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def run(self, sides: Sequence[Side], runs: int) -> None:
        """Adds to `runs`. Every second round is in the opposite order, which needs fewer installations."""
        order = [side for number in range(runs) for side in (sides if number % 2 == 0 else sides[::-1])]
        current, stack = "", ExitStack()
        with stack:
            for side in order:
                if side.by != current:
                    stack.close()
                    stack.enter_context(self._programs(side.by))
                    current = side.by
                name = next(name for name, each in SIDES.items() if each == side)
                self.runs.setdefault(name, []).append(self._measured(side))
                print(f"{name}: {json.dumps(self.runs[name][-1]['seconds'])}", file=sys.stderr)

    @contextlib.contextmanager
    def networks(self) -> Iterator[None]:
        """Two of them, in a namespace of their own."""
        created(self.cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        for number, name in enumerate(NADS):
            ipam = {"type": "host-local", "subnet": f"10.{77 + number}.0.0/24"}
            body = nad(name, config(type="macvlan", master="eth1", mode="bridge", ipam=ipam), NAMESPACE)
            self.cluster.eventually(functools.partial(self._is_created, body), "a network")
        try:
            yield
        finally:
            self.cluster.kubectl("delete", "namespace", NAMESPACE)

    def _is_created(self, body: Mapping[str, Any]) -> bool:
        """The webhooks may have been restarted just now."""
        return self.cluster.kubectl("create", "-f", "-", input=json.dumps(body), check=False).returncode == 0

    def _programs(self, by: str) -> AbstractContextManager[None]:
        if by == "netattach":
            return self._netattach()
        if by == "Multus" and self.multus:
            return self._multus(self.multus)
        if by == "status":
            return self._status()
        return self._nothing()

    @contextlib.contextmanager
    def _nothing(self) -> Iterator[None]:
        if self.cluster.installed:
            self.cluster.uninstall()
        self.cluster.eventually(
            lambda: "netattach" not in self._node("ls /etc/cni/net.d"), "the uninstallation"
        )
        yield

    @contextlib.contextmanager
    def _status(self) -> Iterator[None]:
        with self._nothing(), status_floor.running(NAMESPACE):
            yield

    @contextlib.contextmanager
    def _multus(self, binaries: multus_thick.Binaries) -> Iterator[None]:
        with self._nothing(), multus_thick.installed(self.cluster, binaries):
            yield

    @contextlib.contextmanager
    def _netattach(self) -> Iterator[None]:
        self.cluster.install()
        if self.settings:
            self.cluster.set_settings(self.settings)
        listed = "00-netattach.conflist"
        self.cluster.eventually(lambda: listed in self._node("ls /etc/cni/net.d"), "netattach's CNI config")
        yield

    def _measured(self, side: Side) -> dict[str, Any]:
        self._rest()
        before = self._state()
        with process.paused("node2"), ProgramCpu() as cpu:
            requests = ApiRequests(AUDIT_LOG)
            began = time.monotonic()
            created(self.cluster, _deployment(side, self.pods))
            self._kubectl(
                "wait", "--for", f"jsonpath={{.status.readyReplicas}}={self.pods}", f"deployment/{WORKLOAD}"
            )
            ready, cpu_ready = time.monotonic() - began, cpu.seconds()
            time.sleep(SETTLE)  # what is written after a pod is ready counts too
            cpu_after, began = cpu.seconds(), time.monotonic()
            self._kubectl("delete", f"deployment/{WORKLOAD}", "--cascade=foreground")
            gone, cpu_gone = time.monotonic() - began, cpu.seconds()
        self.cluster.wait_node("node2")
        self._rest()
        left = sorted(self._state() - before)
        self._node(f"rm -f {' '.join(path for path in left if path.startswith('/var/lib/cni/'))}")
        return {
            "seconds": {"ready": round(ready, 2), "gone": round(gone, 2)},
            "cpu": {"ready": cpu_ready, "after": cpu_after, "gone": cpu_gone},
            "requests": requests.counted(),
            "left": left,
        }

    def _rest(self) -> None:
        """Until nothing of the last Deployment is left in the runtime, whose kubelet removes sandboxes once a minute."""
        words = f'labels."io.kubernetes.pod.namespace"=={NAMESPACE}'
        self.cluster.eventually(
            lambda: not self._node(f"ctr -n k8s.io containers ls -q '{words}'"),
            "its sandboxes are removed",
            180,
            every=1,
        )
        time.sleep(SETTLE)

    def _state(self) -> set[str]:
        return set(self._node(_STATE).split())

    def _node(self, script: str) -> str:
        return self.cluster.node("node1").result(script).stdout

    def _kubectl(self, *words: str) -> None:
        self.cluster.kubectl(*words, "--namespace", NAMESPACE, f"--timeout={SECONDS}s")


def _deployment(side: Side, pods: int) -> dict[str, Any]:
    template = pod("", side.networks)
    labels = {"app": WORKLOAD}
    spec = {**template["spec"], "nodeSelector": {"kubernetes.io/hostname": "node1"}}
    del spec["nodeName"]
    annotations = {NETWORKS: side.networks} if side.networks else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": WORKLOAD, "namespace": NAMESPACE},
        "spec": {
            "replicas": pods,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec},
        },
    }


@contextlib.contextmanager
def _node1_alone(cluster: Cluster) -> Iterator[None]:
    """Nothing but daemons is scheduled on node2, a virtual machine on this host, which is paused during measurements."""
    cluster.kubectl("cordon", "node2")
    try:
        for name in ("netattach-webhooks", "netattach-operator"):
            words = ("--namespace", CONTROL, f"deployment/{name}")
            cluster.kubectl("rollout", "restart", *words)
            cluster.kubectl("rollout", "status", *words, "--timeout=120s")
        yield
    finally:
        cluster.kubectl("uncordon", "node2")


def _multus_binaries() -> multus_thick.Binaries | None:
    daemon, shim = (os.environ.get(name) for name in ("MULTUS_DAEMON", "MULTUS_SHIM"))
    return multus_thick.Binaries(Path(daemon), Path(shim)) if daemon and shim else None


def _summary(runs: Sequence[Mapping[str, Any]], pods: int) -> dict[str, Any]:
    """Of one side: medians with their range, and per pod the milliseconds of CPU by program and the requests by caller."""
    seconds = {phase: [run["seconds"][phase] for run in runs] for phase in ("ready", "gone")}
    cpu = [
        {group: sum(run["cpu"][phase][group] for phase in run["cpu"]) for group in run["cpu"]["ready"]}
        for run in runs
    ]
    callers = sorted({caller for run in runs for caller in run["requests"]})
    return {
        "seconds": {
            phase: {"median": statistics.median(each), "all": each} for phase, each in seconds.items()
        },
        "cpu_ms_per_pod": {
            g: round(1000 * statistics.median(run[g] for run in cpu) / pods, 1) for g in cpu[0]
        },
        "requests_per_pod": {
            caller: _median(functools.partial(_requests, caller), runs, pods) for caller in callers
        },
        "writes_per_pod": _median(lambda run: writes(run["requests"]), runs, pods),
        "left": [len(run["left"]) for run in runs],
    }


def _requests(caller: str, run: Mapping[str, Any]) -> int:
    return sum(run["requests"].get(caller, {}).values())


def _median(of: Callable[[Mapping[str, Any]], int], runs: Sequence[Mapping[str, Any]], pods: int) -> float:
    return round(statistics.median(map(of, runs)) / pods, 2)


def _table(sides: Mapping[str, Any]) -> str:
    """Medians, ratios to the default network alone, ranges; then CPU and requests per pod."""
    base = sides.get(BASE)
    lines = []
    for name, side in sides.items():
        words = [f"{name:34}"]
        for phase, found in side["seconds"].items():
            ratio = f" = {found['median'] / base['seconds'][phase]['median']:.2f}" if base else ""
            words.append(
                f"{phase} {found['median']:.1f} s{ratio} ({min(found['all']):.1f} to {max(found['all']):.1f})"
            )
        cpu = sum(ms for group, ms in side["cpu_ms_per_pod"].items() if group != OTHER)
        words.append(f"{cpu:.0f} ms of CPU, {side['writes_per_pod']} writes per pod")
        lines.append("  ".join(words))
    lines += _rows("ms of CPU per pod", "cpu_ms_per_pod", sides)
    lines += _rows("requests per pod", "requests_per_pod", sides)
    return "\n".join(lines)


def _rows(title: str, key: str, sides: Mapping[str, Any]) -> list[str]:
    names = list(dict.fromkeys(name for side in sides.values() for name in side[key]))
    rows = [
        f"  {name[:32]:32}" + "".join(f"{side[key].get(name, 0):9}" for side in sides.values())
        for name in names
    ]
    return ["", title, *rows]


def _machine(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "other_load": arguments.other_load,
        "pods": arguments.pods,
        "settings": arguments.settings,
    }


if __name__ == "__main__":
    main()
