"""The latency that webhooks add to writes of networks and pods. Needs a running cluster: `make cluster`."""

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]

import incumbent
from e2e.lab import process
from e2e.lab.cluster import CONTROL, Cluster
from e2e.lab.places import KUBECONFIG
from e2e.objects import config, nad, pod
from support import load
from support.connections import Connections
from support.load import CreateRequest, Response, Server

NAMESPACE = "webhook-load"
CONFIGURATION = ("validatingwebhookconfiguration", "netattach")
WEBHOOKS = ("--namespace", CONTROL, "deployment/netattach-webhooks")
SELECTOR = ("--namespace", CONTROL, "--selector", "app.kubernetes.io/component=webhooks")
PROGRAM = "bin/netattach-webhooks"
SETTLE = 15.0
"""Seconds of load before the first block: the webhooks have just been restarted, and a node is paused."""

WARM_UP = 2.0
"""Seconds at the start of each block that are not counted: connections open, and the API server loads the configuration."""


def main() -> None:
    """Measures; prints and saves the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rate", type=float, default=200, help="requests per second, half networks, half pods"
    )
    parser.add_argument("--seconds", type=float, default=60, help="total of all blocks of a kind")
    parser.add_argument("--blocks", type=int, default=6, help="number of each kind")
    parser.add_argument("--networks", type=int, default=50, help="number of existing networks")
    parser.add_argument(
        "--incumbent", type=Path, help="the binary of net-attach-def-admission-controller, to measure it too"
    )
    parser.add_argument(
        "--other-load", default="nothing", help="what else runs on this machine, for the result file"
    )
    arguments = parser.parse_args()
    cluster = Cluster()
    with _networks(cluster, arguments.networks), _only_node1(cluster):
        measured = _measured(cluster, arguments, arguments.seconds / arguments.blocks)
    result = _machine(arguments) | measured.figures()
    text = json.dumps(result, indent=2) + "\n"
    print(text, end="")
    (ROOT / "bench/results" / f"{str(result['date'])[:10]}-webhook-load.json").write_text(text)


@dataclass
class Side:
    """All blocks of one kind."""

    responses: list[Response] = field(default_factory=list)
    seconds: float = 0.0
    generator: float = 0.0
    webhooks: float = 0.0
    """CPU seconds."""

    def milliseconds(self, kind: str = "") -> Mapping[str, float]:
        return load.summary([each.seconds for each in self.responses if each.kind.startswith(kind)])

    def figures(self) -> dict[str, Any]:
        return {
            "requests": len(self.responses),
            "failed": sum(not response.accepted for response in self.responses),
            "generator_late_ms": load.summary([response.late for response in self.responses]),
            "generator_cpu": round(self.generator / self.seconds, 3),
            "webhooks_cpu_ms_per_request": round(1000 * self.webhooks / len(self.responses), 2),
        }


@dataclass
class Measured:
    """The same requests with netattach's webhooks, without any, and with the incumbent's, if its binary is given."""

    with_webhooks: Side = field(default_factory=Side)
    without: Side = field(default_factory=Side)
    incumbent: Side | None = None

    def figures(self) -> dict[str, Any]:
        sides = {"with_webhooks": self.with_webhooks, "without": self.without}
        if self.incumbent:
            sides["incumbent"] = self.incumbent
        latency = {
            name: _compared({side: each.milliseconds(kind) for side, each in sides.items()})
            for name, kind in (("all", ""), ("networks", "Network"), ("pods", "Pod"))
        }
        return {"latency_ms": latency, **{side: each.figures() for side, each in sides.items()}}


def _compared(sides: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    added = {
        side: {name: round(each[name] - sides["without"][name], 2) for name in ("median", "p99")}
        for side, each in sides.items()
        if side != "without"
    }
    return {**sides, "added": added}


def _measured(cluster: Cluster, arguments: argparse.Namespace, seconds: float) -> Measured:
    """Alternates blocks of each kind, in alternating order, so that a drift of the machine's speed affects all alike."""
    measured = Measured(incumbent=Side() if arguments.incumbent else None)
    _block(Side(), arguments.rate, SETTLE, validated=True)
    kinds = [_ours(measured.with_webhooks), _no_webhooks(cluster, measured.without)]
    if measured.incumbent:
        kinds.append(_incumbent(cluster, measured.incumbent, arguments.incumbent))
    for number in range(arguments.blocks):
        for block in kinds if number % 2 == 0 else reversed(kinds):
            block(arguments.rate, seconds)
    return measured


Block = Callable[[float, float], None]
"""Takes the rate and the seconds."""


def _ours(side: Side) -> Block:
    return lambda rate, seconds: _block(side, rate, seconds, validated=True)


def _no_webhooks(cluster: Cluster, side: Side) -> Block:
    def block(rate: float, seconds: float) -> None:
        with _without_webhooks(cluster):
            _block(side, rate, seconds, validated=False)

    return block


def _incumbent(cluster: Cluster, side: Side, binary: Path) -> Block:
    def block(rate: float, seconds: float) -> None:
        with _without_webhooks(cluster), incumbent.installed(cluster, binary):
            _block(side, rate, seconds, validated=True)

    return block


def _block(side: Side, rate: float, seconds: float, *, validated: bool) -> None:
    async def load_block() -> None:
        async with Server.from_kubeconfig(KUBECONFIG).connections() as connections:
            await _until(connections, validated=validated)
            await load.send_steadily(connections, _request, rate, seconds=WARM_UP, on_response=lambda _: None)
            before, started = _cpu(), time.monotonic()
            await load.send_steadily(
                connections, _request, rate, seconds=seconds, on_response=side.responses.append
            )
            after = _cpu()
            side.seconds += time.monotonic() - started
            side.generator += after[0] - before[0]
            side.webhooks += after[1] - before[1]

    asyncio.run(load_block())


async def _until(connections: Connections, *, validated: bool) -> None:
    """Waits until the API server does, or does not, call webhooks."""
    broken = load.creation(nad("broken", "{", NAMESPACE))
    async with asyncio.timeout(30):
        while (await load.send(connections, broken)).denied is not validated:  # noqa: ASYNC110  # only a request shows it
            await asyncio.sleep(0.05)


def _request(number: int) -> CreateRequest:
    """A new config each time, so that no result can be cached; no two networks overlap."""
    high, low = divmod(number, 250)
    if number % 2:
        wanted = [{"name": "net0", "interface": f"net{number}"}, {"name": "net1"}]
        return load.creation(pod("new", wanted, namespace=NAMESPACE))
    ipam = {
        "type": "host-local",
        "subnet": f"10.{high + 100}.{low}.0/24",
        "gateway": f"10.{high + 100}.{low}.1",
    }
    return load.creation(
        nad("new", config(type="macvlan", master="eth1", mode="bridge", ipam=ipam), NAMESPACE)
    )


@contextlib.contextmanager
def _only_node1(cluster: Cluster) -> Iterator[None]:
    """Pauses node2, a virtual machine on this host: its CPU time would count against the webhooks."""
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
    cluster.eventually(lambda: len(cluster.objects("pods", *SELECTOR)) == 2, "the old pods are gone")


@contextlib.contextmanager
def _networks(cluster: Cluster, count: int) -> Iterator[None]:
    bodies: Sequence[Mapping[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *(nad(f"net{n}", config(type="macvlan", master="eth1", ipam={"type": "dhcp"}), NAMESPACE) for n in range(count)),
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
    """CPU seconds of this program, and of the webhooks."""
    found = 0.0
    for each in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # the process has ended
            if each.name.isdigit() and PROGRAM in (each / "cmdline").read_text():
                fields = (each / "stat").read_text().rpartition(")")[2].split()
                found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return time.process_time(), found


def _machine(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "other_load": arguments.other_load,
        "rate": arguments.rate,
        "networks": arguments.networks,
    }


if __name__ == "__main__":
    main()
