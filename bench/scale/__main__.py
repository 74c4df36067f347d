"""`make bench-scale`: creates the objects of a large cluster next to its two real nodes, installs netattach, and measures.

Needs a running cluster without netattach, with its image on the nodes, alone on the machine, as root.
"""

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
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

from e2e.lab import control, process
from e2e.lab.cluster import Cluster
from e2e.lab.places import AUDIT_LOG, KUBECONFIG, REPOSITORY
from e2e.objects import wait_webhooks
from netattach_core.version import VERSION
from netattach_kube import api
from netattach_kube.api import Api
from scale import loader, measures, nad_stream, objects, programs, report
from scale.nad_stream import NadStream
from scale.objects import FIRST, SECOND, Size
from support.load import Server

RESULTS = REPOSITORY / "bench/results"
_DEPLOY = REPOSITORY / "deploy/kustomize/base"
_SECONDS = 300.0
_PATIENT = "--node-monitor-grace-period=24h"
"""Of the controllers: nobody renews the Leases of nodes without a kubelet."""

_REST = 90.0
"""Seconds after the installation: what can wait, such as another look at each network, is still done then."""


def main() -> int:
    """Measures; prints and saves the result. Returns 1 where a target is missed."""
    arguments = _arguments()
    size = Size(arguments.nodes, arguments.pods, arguments.networks)
    cluster = Cluster()
    result = _machine(arguments)
    try:
        with _patient_controllers():
            asyncio.run(_measure(cluster, size, arguments, result))
    finally:  # what was measured before a failure counts
        text = json.dumps(result, indent=1) + "\n"
        (arguments.results / f"{result['date'][:10]}-{arguments.name}.json").write_text(text)
    print(report.text(result), end="")
    return 1 if report.missed(result) else 0


async def _measure(
    cluster: Cluster, size: Size, arguments: argparse.Namespace, found: dict[str, Any]
) -> None:
    """Adds to `found`, also where a part fails."""
    steps = _Steps(found)
    found["load"] = await _load(cluster, size)
    async with api.connected("bench-scale", VERSION, KUBECONFIG) as server:
        found["install"] = await _install(cluster, server, size)
        steps.memory("installed")
        async with NadStream(server).running() as stream:
            await steps.add("idle", measures.idle_writes(AUDIT_LOG, arguments.idle))
            changes = measures.changed_networks(server, stream, size, arguments.changes)
            await steps.add("changed_networks_ms", changes)
            for interface in (SECOND, FIRST):
                change = measures.changed_node(server, stream, size, 0, interface)
                await steps.add(f"node_without_{interface}", change)
        steps.memory("after_changes")
        with process.paused("node2"):
            async with Server.from_kubeconfig(KUBECONFIG).connections() as connections:
                pods = measures.admission(connections, size, arguments.rate, arguments.admission)
                await steps.add("admission", pods)
        steps.memory("after_admission")
        await steps.add("operator_start", programs.operator_restarted(cluster))
        steps.memory("after_restart")


class _Steps:
    """What has been measured so far, printed as soon as it is known."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._found = found

    async def add(self, name: str, measured: Awaitable[Any]) -> None:
        """A part that fails says so in the result."""
        try:
            self._found[name] = await measured
        except AssertionError as error:
            self._found[name] = {report.FAILED: str(error)}
        _say(f"{name}: {json.dumps(self._found[name])}")

    def memory(self, when: str) -> None:
        found = programs.memory()
        self._found.setdefault("memory", {})[when] = found
        largest = {name: max(each["resident_kib"] for each in every) // 1024 for name, every in found.items()}
        _say(f"memory, {when}: {json.dumps(largest)} MiB")


async def _load(cluster: Cluster, size: Size) -> dict[str, Any]:
    """All objects, before netattach is installed: its webhooks would validate each pod."""
    started = time.monotonic()
    cluster.kubectl("create", "-f", REPOSITORY / "crds")
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    cluster.kubectl("apply", "-f", _DEPLOY / "namespace-node.yaml")
    async with loader.connected(Server.from_kubeconfig(KUBECONFIG)) as each:
        await each.write(loader.namespaces(size))
        accounts = size.namespaces + 1
        cluster.eventually(lambda: _accounts(cluster) >= accounts, "service accounts", seconds=120, every=1)
        uids = await each.nodes(size)
        await each.write(loader.networks(size))
        for what, bodies in (
            ("inventories, daemons", loader.nodes_parts(size, uids)),
            ("pods", loader.pods(size)),
        ):
            _say(f"{what} ({each.created} objects after {time.monotonic() - started:.0f} s)")
            await each.store(bodies)
        return {"objects": each.created, "seconds": round(time.monotonic() - started)}


def _accounts(cluster: Cluster) -> int:
    lines = cluster.kubectl("get", "serviceaccounts", "--all-namespaces", "--output=name").stdout
    return lines.count("serviceaccount/default")


async def _install(cluster: Cluster, server: Api, size: Size) -> dict[str, float]:
    """Seconds from `kubectl apply` until all programs are ready, and until the status of each network is right."""
    cluster.kubectl("cordon", "node2")  # a slow kernel, which is paused while admission is measured
    started = time.monotonic()
    _say("install")
    await asyncio.to_thread(cluster.install)
    ready = time.monotonic() - started
    async with NadStream(server).running() as stream:
        total = size.nodes + len(_real_nodes(cluster))
        pooled = sum(
            1 for number in range(size.nodes) if "pool" in objects.node(number)["metadata"]["labels"]
        )

        def is_right(_: Any, body: nad_stream.Body) -> bool:
            return nad_stream.is_observed(body) and nad_stream.total(body) in {total, pooled}

        await stream.wait(list(stream.latest), is_right, _SECONDS)
    all_right = time.monotonic() - started
    _say(f"all right after {all_right:.1f} s, ready after {ready:.1f} s")
    await asyncio.to_thread(wait_webhooks, cluster)
    await asyncio.sleep(_REST)
    return {"ready_seconds": round(ready, 1), "all_right_seconds": round(all_right, 1)}


def _real_nodes(cluster: Cluster) -> list[str]:
    return [name for name in ("node1", "node2") if cluster.exists("node", name)]


@contextlib.contextmanager
def _patient_controllers() -> Iterator[None]:
    process.kill("kcm")
    control.start_controllers(_PATIENT)
    try:
        yield
    finally:
        process.kill("kcm")
        control.start_controllers()


def _say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--pods", type=int, default=50000)
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument(
        "--changes", type=int, default=100, help="networks that are changed, one after the other"
    )
    parser.add_argument("--idle", type=float, default=120, help="seconds in which writes are counted")
    parser.add_argument("--admission", type=float, default=60, help="seconds of pods one after the other")
    parser.add_argument("--rate", type=float, default=20, help="pods per second, one at a time")
    parser.add_argument("--name", default="scale", help="of the result's file, after the date")
    parser.add_argument("--other-load", default="nothing", help="what else runs here, for the result's file")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args()


def _machine(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "other_load": arguments.other_load,
        **{name: getattr(arguments, name) for name in ("nodes", "pods", "networks")},
    }


if __name__ == "__main__":
    sys.exit(main())
