"""What our webhooks cost those who write networks and pods, on a standing cluster. `make cluster`, then this."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from cluster.lab import process  # noqa: E402  # the tests are no package
from cluster.lab.cluster import CONTROL, Cluster  # noqa: E402
from cluster.lab.places import KUBECONFIG  # noqa: E402
from cluster.objects import conf, nad, pod  # noqa: E402
from support import load  # noqa: E402
from support.connections import Connections  # noqa: E402
from support.load import Answer, Question, Server  # noqa: E402

NAMESPACE = "webhook-load"
CONFIGURATION = ("validatingwebhookconfiguration", "netattach")
WEBHOOKS = ("--namespace", CONTROL, "deployment/netattach-webhooks")
SELECTOR = ("--namespace", CONTROL, "--selector", "app.kubernetes.io/component=webhooks")
PROGRAM = "bin/netattach-webhooks"
WARM_UP = 2.0
"""Seconds of each block that are not counted: connections are made, and the API server takes the configuration in."""


def main() -> None:
    """Measures, prints and notes the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200, help="requests a second, half networks, half pods")
    parser.add_argument("--seconds", type=float, default=60, help="of each kind of block together")
    parser.add_argument("--blocks", type=int, default=6, help="of each kind")
    parser.add_argument("--networks", type=int, default=50, help="that are there already")
    parser.add_argument("--beside", default="nothing", help="what else runs on this machine, for the record")
    arguments = parser.parse_args()
    cluster = Cluster()
    with _networks(cluster, arguments.networks), _only_node1(cluster):
        measured = _measured(cluster, arguments.rate, arguments.seconds / arguments.blocks, arguments.blocks)
    result = _machine(arguments) | measured.figures()
    text = json.dumps(result, indent=2) + "\n"
    print(text, end="")
    (ROOT / "bench/results" / f"{str(result['date'])[:10]}-webhook-load.json").write_text(text)


@dataclass
class Side:
    """All blocks of one kind."""

    answers: list[Answer] = field(default_factory=list)
    seconds: float = 0.0
    generator: float = 0.0
    webhooks: float = 0.0
    """Seconds of processor time."""

    def milliseconds(self, kind: str = "") -> Mapping[str, float]:
        return load.summary([each.seconds for each in self.answers if each.kind.startswith(kind)])

    def figures(self) -> dict[str, Any]:
        return {
            "requests": len(self.answers),
            "failed": sum(not answer.taken for answer in self.answers),
            "generator_late_ms": load.summary([answer.late for answer in self.answers]),
            "generator_cpu": round(self.generator / self.seconds, 3),
            "webhooks_cpu_ms_per_request": round(1000 * self.webhooks / len(self.answers), 2),
        }


@dataclass
class Measured:
    """The same requests with our webhooks and without any."""

    with_webhooks: Side = field(default_factory=Side)
    without: Side = field(default_factory=Side)

    def figures(self) -> dict[str, Any]:
        latency = {
            name: _beside(self.with_webhooks.milliseconds(kind), self.without.milliseconds(kind))
            for name, kind in (("all", ""), ("networks", "Network"), ("pods", "Pod"))
        }
        sides = {"with_webhooks": self.with_webhooks.figures(), "without": self.without.figures()}
        return {"latency_ms": latency, **sides}


def _beside(ours: Mapping[str, float], bare: Mapping[str, float]) -> dict[str, Any]:
    added = {name: round(ours[name] - bare[name], 2) for name in ("median", "p99")}
    return {"with_webhooks": ours, "without": bare, "added": added}


def _measured(cluster: Cluster, rate: float, seconds: float, blocks: int) -> Measured:
    """Blocks in the order ABBA: a machine whose speed drifts treats both alike."""
    measured = Measured()
    for number in range(2 * blocks):
        if number % 4 in (0, 3):
            _block(measured.with_webhooks, rate, seconds, judged=True)
            continue
        with _without_webhooks(cluster):
            _block(measured.without, rate, seconds, judged=False)
    return measured


def _block(side: Side, rate: float, seconds: float, *, judged: bool) -> None:
    async def story() -> None:
        async with Server.of(KUBECONFIG).connections() as connections:
            await _until(connections, judged=judged)
            await load.asked_steadily(connections, _question, rate, seconds=WARM_UP, told=lambda _: None)
            before, begins = _cpu(), time.monotonic()
            await load.asked_steadily(connections, _question, rate, seconds=seconds, told=side.answers.append)
            after = _cpu()
            side.seconds += time.monotonic() - begins
            side.generator += after[0] - before[0]
            side.webhooks += after[1] - before[1]

    asyncio.run(story())


async def _until(connections: Connections, *, judged: bool) -> None:
    """The API server has heard whether there are webhooks."""
    broken = load.creation(nad("broken", conf(type="macvlan", mtu="large"), NAMESPACE))
    async with asyncio.timeout(30):
        while (await load.asked(connections, broken)).refused is not judged:  # noqa: ASYNC110  # only by asking is it known
            await asyncio.sleep(0.05)


def _question(number: int) -> Question:
    """A text that was never seen: all of the judge's work is done anew, and no two overlap."""
    high, low = divmod(number, 250)
    if number % 2:
        wanted = [{"name": "net0", "interface": f"net{number}"}, {"name": "net1"}]
        return load.creation(pod("new", wanted, namespace=NAMESPACE))
    ipam = {
        "type": "host-local",
        "subnet": f"10.{high + 100}.{low}.0/24",
        "gateway": f"10.{high + 100}.{low}.1",
    }
    return load.creation(nad("new", conf(type="macvlan", master="eth1", mode="bridge", ipam=ipam), NAMESPACE))


@contextlib.contextmanager
def _only_node1(cluster: Cluster) -> Iterator[None]:
    """node2 is another kernel inside this one: what it takes of the processors, idle or not, is not what our webhooks take."""
    cluster.kubectl("cordon", "node2")
    try:
        _roll(cluster)
        with process.paused("node2"):
            yield
    finally:
        cluster.wait_node("node2")
        cluster.kubectl("uncordon", "node2")
        _roll(cluster)


def _roll(cluster: Cluster) -> None:
    cluster.kubectl("rollout", "restart", *WEBHOOKS)
    cluster.kubectl("rollout", "status", *WEBHOOKS, "--timeout=120s")
    cluster.eventually(lambda: len(cluster.objects("pods", *SELECTOR)) == 2, "the old ones have gone")


@contextlib.contextmanager
def _networks(cluster: Cluster, count: int) -> Iterator[None]:
    bodies: Sequence[Mapping[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *(nad(f"net{n}", conf(type="macvlan", master="eth1", ipam={"type": "dhcp"}), NAMESPACE) for n in range(count)),
    ]  # fmt: skip  # one line each
    cluster.kubectl("create", "-f", "-", input="\n---\n".join(map(json.dumps, bodies)))
    try:
        yield
    finally:
        cluster.kubectl("delete", "namespace", NAMESPACE)


@contextlib.contextmanager
def _without_webhooks(cluster: Cluster) -> Iterator[None]:
    body = json.loads(cluster.kubectl("get", *CONFIGURATION, "--output=json").stdout)
    for key in ("uid", "resourceVersion", "creationTimestamp", "generation"):
        del body["metadata"][key]
    cluster.kubectl("delete", *CONFIGURATION)
    try:
        yield
    finally:
        cluster.kubectl("create", "-f", "-", input=json.dumps(body))


def _cpu() -> tuple[float, float]:
    """Seconds that this program and the webhooks have had of a processor."""
    found = 0.0
    for each in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it has ended
            if each.name.isdigit() and PROGRAM in (each / "cmdline").read_text():
                fields = (each / "stat").read_text().rpartition(")")[2].split()
                found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return time.process_time(), found


def _machine(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "beside": arguments.beside,
        "rate": arguments.rate,
        "networks": arguments.networks,
    }


if __name__ == "__main__":
    main()
