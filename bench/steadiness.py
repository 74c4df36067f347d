"""The memory, file descriptors and threads of the daemon: idle, after bursts of pods, after thousands of pods."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DemoNode, NodePaths
from netattach_cli.demo.runtime import DemoPod, Runtime, write_object
from netattach_cli.demo.tutorial import nad_body
from netattach_core.api.networks_annotation import NETWORKS

LAN = {"type": "host-local", "subnet": "10.0.0.0/16"}
MACVLAN = {"cniVersion": "1.0.0", "name": "mac", "type": "macvlan", "master": "eth1", "ipam": LAN}
BURST_PODS, BURST_NETWORKS = 64, 4
PARALLEL = 8


def main() -> None:
    """Measures; prints and saves the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cni-bin", type=Path, required=True)
    parser.add_argument("--shim", type=Path, required=True)
    parser.add_argument("--storms", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        paths = NodePaths(Path(directory) / "stage", arguments.cni_bin, arguments.shim)
        with demo_node.build(paths) as node, node.daemon() as daemon:
            write_object(paths.store / "nads", nad_body("mac", MACVLAN))
            result = dict(_measurements(node, daemon.pid, arguments.storms, arguments.pairs))
    now = dt.datetime.now(tz=dt.UTC)
    machine = {
        "date": now.isoformat(timespec="seconds"),
        "kernel": os.uname().release,
        "cpus": os.cpu_count(),
    }
    text = json.dumps(machine | result, indent=2)
    print(text)
    (arguments.results / f"{now.date().isoformat()}-steadiness.json").write_text(text + "\n")


def _measurements(node: DemoNode, daemon: int, storms: int, pairs: int) -> Iterator[tuple[str, Any]]:
    yield "idle", _resources(daemon)
    for _ in range(storms):
        started = time.monotonic()
        _pods(node, BURST_PODS, BURST_PODS, BURST_NETWORKS)
        seconds = time.monotonic() - started
    yield "storm", {"pods": BURST_PODS, "networks": BURST_NETWORKS, "seconds": round(seconds, 1)}
    yield "after_storms", _resources(daemon)
    _pods(node, pairs // 2, PARALLEL, 1)
    yield f"after_{pairs // 2}_pods", _resources(daemon)
    _pods(node, pairs - pairs // 2, PARALLEL, 1)
    yield f"after_{pairs}_pods", _resources(daemon)


def _pods(node: DemoNode, count: int, parallel: int, networks: int) -> None:
    """Starts and stops pods, `parallel` of them at a time."""
    runtime = Runtime(node)

    def one(number: int) -> None:
        pod = DemoPod(f"pod{number}", {NETWORKS: ",".join(["mac"] * networks)})
        runtime.start(pod)
        runtime.stop(pod)

    with ThreadPoolExecutor(parallel) as threads:
        list(threads.map(one, range(count)))


def _resources(pid: int) -> dict[str, int]:
    """After a pause in which the daemon can release memory."""
    time.sleep(2)
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        "resident_kib": int(status["VmRSS"].split()[0]),
        "threads": int(status["Threads"]),
        "descriptors": sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
    }


if __name__ == "__main__":
    main()
