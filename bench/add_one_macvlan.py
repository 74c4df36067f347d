"""The time of an ADD through shim and daemon, compared with running the same plugins by hand. `make bench`."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DEFAULT_NETWORK, DemoNode, NodePaths
from netattach_cli.demo.runtime import DemoPod, Runtime, write_object
from netattach_cli.demo.tutorial import nad_body
from netattach_core.api.networks_annotation import NETWORKS
from netattach_core.cni import config as cni_config

LAN = {"type": "host-local", "subnet": "10.0.0.0/16"}
MACVLAN = {"cniVersion": "1.0.0", "name": "mac", "type": "macvlan", "master": "eth1", "ipam": LAN}
CASES = {"plain": 0, "plain_over_the_daemon": 0, "one_macvlan": 1, "four_macvlan": 4}
"""Secondary networks of each case. The shim attaches a pod without any by itself, if the runtime passes the annotations."""


def main() -> None:
    """Measures; prints and saves the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cni-bin", type=Path, required=True)
    parser.add_argument("--shim", type=Path, required=True)
    parser.add_argument("--pods", type=int, default=40)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        paths = NodePaths(Path(directory) / "stage", arguments.cni_bin, arguments.shim)
        with demo_node.build(paths) as node, node.daemon() as daemon:
            result = _machine() | {"shim_bytes": arguments.shim.stat().st_size, "pods": arguments.pods}
            result |= {"daemon_idle_kib": _resident_kib(daemon.pid)}
            for case, networks in CASES.items():
                bench = Bench(node, daemon.pid, passes_annotations=case != "plain_over_the_daemon")
                result[case] = _measure(bench, networks, arguments.pods)
            result |= {"daemon_after_kib": _resident_kib(daemon.pid)}
    text = json.dumps(result, indent=2)
    print(text)
    date = dt.datetime.now(tz=dt.UTC).date().isoformat()
    (arguments.results / f"{date}-add.json").write_text(text + "\n")


class Bench:
    """Pods on a demo node. `enter` is the time that entering the node takes, to subtract from each measurement."""

    def __init__(self, node: DemoNode, daemon: int, *, passes_annotations: bool) -> None:
        self.node = node
        self.daemon = daemon
        self.runtime = Runtime(node, passes_annotations=passes_annotations)
        write_object(node.paths.store / "nads", nad_body("mac", MACVLAN))
        self.enter = _median_ms(lambda: node.run("true"), 30)

    def ours(self, pod: DemoPod) -> tuple[float, float]:
        """ADD and DEL through shim and daemon, in milliseconds."""
        return _ms(lambda: self.runtime.call("ADD", pod)), _ms(lambda: self.runtime.call("DEL", pod))

    def by_hand(self, pod: DemoPod, networks: int) -> tuple[float, float]:
        """The same for running the plugins directly, one after the other."""
        attachments = [
            ("eth0", DEFAULT_NETWORK),
            *((f"net{i + 1}", json.dumps(MACVLAN)) for i in range(networks)),
        ]
        add = sum(self._plugin("ADD", pod, ifname, config) for ifname, config in attachments)
        return add, sum(self._plugin("DEL", pod, ifname, config) for ifname, config in reversed(attachments))

    def _plugin(self, command: str, pod: DemoPod, ifname: str, config: str) -> float:
        network = cni_config.parse(config)
        stdin = cni_config.plugin_stdin(network, network.plugins[0], {}, {})
        environment = {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": pod.sandbox,
            "CNI_NETNS": pod.netns,
            "CNI_IFNAME": ifname,
            "CNI_PATH": str(self.node.paths.bin_dir),
        }
        binary = self.node.paths.bin_dir / network.plugins[0].type
        return _ms(lambda: self.node.run(binary, env=environment, stdin=stdin))


def _measure(bench: Bench, networks: int, pods: int) -> dict[str, Any]:
    ours, by_hand, cpu = [], [], 0.0
    for number in range(pods + 2):
        annotations = {NETWORKS: ",".join(["mac"] * networks)} if networks else {}
        with _pod(bench, annotations) as pod:
            before = _cpu_ms(bench.daemon)
            measured = bench.ours(pod)
            cpu += _cpu_ms(bench.daemon) - before
        with _pod(bench, annotations) as pod:
            hand = bench.by_hand(pod, networks)
        if number >= 2:  # the first two fill the caches
            ours.append(_without(measured, bench.enter))
            by_hand.append(_without(hand, bench.enter * (networks + 1)))
    figures: dict[str, Any] = {"daemon_cpu_ms_add_and_del": round(cpu / (pods + 2), 1)}
    for index, verb in enumerate(("add", "del")):
        ours_sorted, by_hand_sorted = sorted(m[index] for m in ours), sorted(h[index] for h in by_hand)
        figures[verb] = {
            "ours_ms": _summary(ours_sorted),
            "by_hand_ms": _summary(by_hand_sorted),
            "ratio": round(statistics.median(ours_sorted) / statistics.median(by_hand_sorted), 2),
        }
    return figures


@contextlib.contextmanager
def _pod(bench: Bench, annotations: dict[str, str]) -> Any:
    pod = DemoPod("bench", annotations)
    write_object(bench.node.paths.store / "pods", pod.body())
    bench.node.run("ip", "netns", "add", pod.name)
    yield pod
    bench.node.run("ip", "netns", "delete", pod.name)


def _without(times: tuple[float, float], overhead: float) -> tuple[float, float]:
    return times[0] - overhead, times[1] - overhead


def _summary(times: list[float]) -> dict[str, float]:
    p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
    return {
        "p10": round(times[len(times) // 10], 1),
        "median": round(statistics.median(times), 1),
        "p99": round(p99, 1),
    }


def _ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _median_ms(work: Callable[[], object], times: int) -> float:
    return statistics.median(_ms(work) for _ in range(times))


def _resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))


def _cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def _machine() -> dict[str, Any]:
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())  # fmt: skip  # one look, two lines
    date = dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
    return {
        "date": date,
        "kernel": os.uname().release,
        "cpus": os.cpu_count(),
        "cpu": model,
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
