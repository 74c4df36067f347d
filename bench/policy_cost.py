"""What policy adds to an ADD: the time of the daemon's gates, in this process. Needs neither root nor a cluster."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import json
import os
import platform
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin, Primary
from netattach_core.api.nad import Nad
from netattach_core.api.network_selection import PodSelection
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.api.pod import PodRef
from netattach_core.policy import networks as network_policy
from netattach_core.policy import requests
from netattach_core.policy.levels import ENFORCE_LABEL
from netattach_core.validation.settings import ClusterNetworks
from netattach_kube import cluster_settings
from netattach_plugin.cluster.namespace_policies import NamespacePolicies
from netattach_plugin.engine.network_resolver import SelectedNetworks
from netattach_plugin.engine.policy_gate import PolicyGate
from netattach_plugin.node.kubelet_devices import KubeletDevices
from netattach_plugin.node.node_surroundings import KnownSurroundings

ROOT = Path(__file__).parents[1]
CALLS = 20_000
COLD_CALLS = 500
POD = PodRef("tenant", "web", "u1")

SETTINGS = """
clusterNetworks: {pods: [10.244.0.0/16], services: [10.96.0.0/12]}
policy:
  namespaces:
    - {match: [team-*], level: privileged}
    - match: [tenant]
      level: LEVEL
      plugins: ["*"]
      ipam: ["*"]
      masters: [eth1]
      bridges: [br-*]
      subnets: [10.0.0.0/8]
      sysctls: ["*"]
"""

LABELS = {ENFORCE_LABEL: "baseline", "kubernetes.io/metadata.name": "tenant"}

NODE = NodeInventory(
    "node1",
    tuple(
        Interface(f"eth{number}", mac=f"02:00:00:00:00:0{number}", addresses=(f"192.0.{number}.2/24",))
        for number in range(4)
    ),
    (DefaultInterface("eth0", ("carries the IPv4 default route",)),),
    tuple(Plugin(name, ("1.0.0",)) for name in ("bridge", "macvlan", "host-local", "tuning")),
    Primary("cbr0", "10-flannel.conflist", ("flannel", "portmap")),
)


def networks(count: int, variant: str = "") -> dict[tuple[str, str], Nad]:
    """Networks of the kinds that are most common, each another one."""
    found = {}
    for number in range(count):
        ipam = {
            "type": "host-local",
            "ranges": [[{"subnet": f"10.{number}.0.0/16", "gateway": f"10.{number}.0.1"}]],
        }
        main: dict[str, Any] = {"type": "macvlan", "master": "eth1", "mode": "bridge", "ipam": ipam}
        if number % 2:
            main = {"type": "bridge", "bridge": f"br-{number}", "isGateway": False, "ipam": ipam}
        plugins = [main, {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}}]
        body = {"cniVersion": "1.0.0", "name": f"lan{number}{variant}", "plugins": plugins}
        nad = Nad("tenant", f"lan{number}", json.dumps(body, indent=2))
        found[nad.namespace, nad.name] = nad
    return found


class Daemon:
    """The gate as the daemon wires it, without an API server and a kernel."""

    def __init__(self, level: str) -> None:
        self.settings = cluster_settings.parse(SETTINGS.replace("LEVEL", level))
        self.surroundings = KnownSurroundings(self.subnets)
        policies = NamespacePolicies(lambda: self.settings.policy, _labels)
        kubelet = KubeletDevices(Path("/nowhere"))  # no network names a device, so it is never asked
        self.gate = PolicyGate(policies, self.surroundings, kubelet)

    def subnets(self) -> ClusterNetworks:
        return self.settings.validation.networks

    async def ready(self, tasks: asyncio.TaskGroup) -> asyncio.Task[None]:
        """Knows its node and a cluster of 300 networks."""
        listed = asyncio.Event()
        for key, nad in networks(300).items():
            self.surroundings.put_nad(key, nad)
        self.surroundings.put_inventory(NODE)
        listed.set()
        running = tasks.create_task(self.surroundings.run(listed))
        await self.surroundings.current()
        return running


async def _labels(_: str) -> dict[str, str]:
    return LABELS


def selected(nads: dict[tuple[str, str], Nad], **request: Any) -> SelectedNetworks:
    return SelectedNetworks(
        PodSelection(networks=tuple(NetworkSelection(*key, **request) for key in nads)), nads
    )


async def timed(call: Callable[[], Awaitable[None]], calls: int = CALLS) -> dict[str, float]:
    """Milliseconds of the processor for one call: what else the machine does meanwhile does not count."""
    taken = []
    for _ in range(calls):
        started = time.thread_time_ns()
        await call()
        taken.append((time.thread_time_ns() - started) / 1e6)
    cuts = statistics.quantiles(taken, n=100)
    return {"median": round(cuts[49], 4), "p99": round(cuts[98], 4), "max": round(max(taken), 3)}


async def measured(level: str) -> dict[str, dict[str, float]]:
    daemon = Daemon(level)
    rows = {
        "no network requested": selected({}),
        "1 network": selected(networks(1)),
        "4 networks": selected(networks(4)),
        "4 networks with addresses": selected(networks(4), ips=("10.3.0.7/16",)),
        "32 networks": selected(networks(32)),
    }
    found = {}
    async with asyncio.TaskGroup() as tasks:
        running = await daemon.ready(tasks)
        for name, each in rows.items():
            found[name] = await timed(lambda each=each: daemon.gate.check(POD, dataclasses.replace(each)))  # type: ignore[misc]  # bound at once
        numbers = iter(range(COLD_CALLS))
        found["1 network that is new"] = await timed(
            lambda: daemon.gate.check(POD, selected(networks(1, f"-{next(numbers)}"))), COLD_CALLS
        )
        running.cancel()
    return found


def main() -> None:
    """Measures; prints and saves the result."""
    now = dt.datetime.now(dt.UTC)
    result = {
        "date": now.isoformat(timespec="seconds"),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "rules": sorted(rule.id for rule in {*network_policy.RULES, *requests.RULES}),
        "calls": CALLS,
        "milliseconds": {level: asyncio.run(measured(level)) for level in ("baseline", "restricted")},
    }
    text = json.dumps(result, indent=2) + "\n"
    print(text, end="")
    (ROOT / f"bench/results/{now.date()}-policy-cost.json").write_text(text)


if __name__ == "__main__":
    main()
