"""What the daemon holds, idle, after storms of pods, and after thousands of them: memory, descriptors, threads. `make bench`."""

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
STORM, NETWORKS_OF_A_STORM = 64, 4
AT_ONCE = 8


def main() -> None:
    """Measures, prints and notes the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cni-bin", type=Path, required=True)
    parser.add_argument("--shim", type=Path, required=True)
    parser.add_argument("--storms", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        places = NodePaths(Path(directory) / "stage", arguments.cni_bin, arguments.shim)
        with demo_node.build(places) as built, built.daemon() as daemon:
            write_object(places.store / "nads", nad_body("mac", MACVLAN))
            result = dict(_story(built, daemon.pid, arguments.storms, arguments.pairs))
    now = dt.datetime.now(tz=dt.UTC)
    machine = {
        "date": now.isoformat(timespec="seconds"),
        "kernel": os.uname().release,
        "cpus": os.cpu_count(),
    }
    text = json.dumps(machine | result, indent=2)
    print(text)
    (arguments.results / f"{now.date().isoformat()}-steadiness.json").write_text(text + "\n")


def _story(built: DemoNode, daemon: int, storms: int, pairs: int) -> Iterator[tuple[str, Any]]:
    yield "idle", _held(daemon)
    for _ in range(storms):
        began = time.monotonic()
        _pods(built, STORM, STORM, NETWORKS_OF_A_STORM)
        seconds = time.monotonic() - began
    yield "storm", {"pods": STORM, "networks": NETWORKS_OF_A_STORM, "seconds": round(seconds, 1)}
    yield "after_storms", _held(daemon)
    _pods(built, pairs // 2, AT_ONCE, 1)
    yield f"after_{pairs // 2}_pods", _held(daemon)
    _pods(built, pairs - pairs // 2, AT_ONCE, 1)
    yield f"after_{pairs}_pods", _held(daemon)


def _pods(built: DemoNode, count: int, at_once: int, networks: int) -> None:
    """So many pods come and go, `at_once` of them at a time."""
    runtime = Runtime(built)

    def one(number: int) -> None:
        pod = DemoPod(f"pod{number}", {NETWORKS: ",".join(["mac"] * networks)})
        runtime.start(pod)
        runtime.stop(pod)

    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(one, range(count)))


def _held(pid: int) -> dict[str, int]:
    """After it has had time to let go."""
    time.sleep(2)
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        "resident_kib": int(status["VmRSS"].split()[0]),
        "threads": int(status["Threads"]),
        "descriptors": sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
    }


if __name__ == "__main__":
    main()
