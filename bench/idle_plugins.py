"""The time of ADD and DEL of a pod whose default network ends with portmap, with `skipIdlePlugins` auto and never, alternating.

The shim alone, without the daemon; milliseconds, without the time that entering the node takes.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DemoNode, NodePaths
from netattach_cli.demo.runtime import DemoPod, Runtime, write_object
from netattach_core.shim import compiled_chain

IPAM = {"type": "host-local", "subnet": "10.244.1.0/24", "routes": [{"dst": "0.0.0.0/0"}]}
BRIDGE = {"type": "bridge", "bridge": "cbr0", "isGateway": True, "hairpinMode": True, "ipam": IPAM}
PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}
CHAIN = json.dumps({"cniVersion": "1.0.0", "name": "cbr0", "plugins": [BRIDGE, PORTMAP]})


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cni-bin", type=Path, required=True)
    parser.add_argument("--shim", type=Path, required=True)
    parser.add_argument("--pods", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        paths = NodePaths(Path(directory) / "stage", arguments.cni_bin, arguments.shim)
        with demo_node.build(paths) as node:
            (paths.conf_dir / "10-default.conflist").write_text(CHAIN)
            with node.daemon():
                pass  # it compiles the chain
            print(json.dumps(_measured(node, paths, arguments.pods), indent=2))


def _measured(node: DemoNode, paths: NodePaths, pods: int) -> dict[str, dict[str, float]]:
    primary = paths.ledger / "chains/primary"
    auto = primary.read_bytes()
    chain = compiled_chain.parse(auto)
    steps = tuple(dataclasses.replace(step, work=None) for step in chain.steps)
    compiled = {"auto": auto, "never": compiled_chain.encode(dataclasses.replace(chain, steps=steps))}
    enter = statistics.median(_ms(node, "true") for _ in range(30))
    times: dict[str, list[float]] = {}
    runtime = Runtime(node, passes_annotations=True)
    for number in range(pods + 2):
        for setting, data in compiled.items():
            primary.write_bytes(data)
            with _pod(node) as pod:
                for verb in ("ADD", "DEL"):
                    started = time.perf_counter()
                    runtime.call(verb, pod)
                    taken = (time.perf_counter() - started) * 1000 - enter
                    if number >= 2:  # the first two fill the caches
                        times.setdefault(f"{verb} {setting}", []).append(taken)
    return {name: _summary(sorted(each)) for name, each in times.items()}


@contextlib.contextmanager
def _pod(node: DemoNode) -> Iterator[DemoPod]:
    pod = DemoPod("bench", {})
    write_object(node.paths.store / "pods", pod.body())
    node.run("ip", "netns", "add", pod.name)
    yield pod
    node.run("ip", "netns", "delete", pod.name)


def _summary(times: list[float]) -> dict[str, float]:
    return {
        "p10": round(times[len(times) // 10], 1),
        "median": round(statistics.median(times), 1),
        "p90": round(times[len(times) * 9 // 10], 1),
    }


def _ms(node: DemoNode, command: str) -> float:
    started = time.perf_counter()
    node.run(command)
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
