"""Writes a network-status to each pod of a namespace once, and does nothing else: the floor of what any meta-plugin costs.

A pod's interfaces are known only when they exist, so that their annotation is a write of its own, on which the kubelet acts too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from e2e.lab.places import KUBECONFIG
from netattach_core.version import VERSION
from netattach_kube import api
from netattach_kube.api import Api
from netattach_kube.resource import PODS

_STATUS = "k8s.v1.cni.cncf.io/network-status"
_INTERFACES = (("cbr0", "eth0"), ("deployment-bench/first", "net1"), ("deployment-bench/second", "net2"))
_ENTRIES = [
    {"name": name, "interface": ifname, "ips": ["10.77.0.100"], "mac": "0a:58:0a:f4:01:64", "dns": {}}
    for name, ifname in _INTERFACES
]
_TEXT = json.dumps(_ENTRIES, indent=4)


@contextlib.contextmanager
def running(namespace: str) -> Iterator[None]:
    """In a process of its own, until the block ends."""
    with subprocess.Popen([sys.executable, str(Path(__file__)), namespace]) as program:
        try:
            yield
            if program.poll() is not None:
                raise RuntimeError(f"the statuses were no longer written: exit code {program.returncode}")
        finally:
            program.terminate()


async def _main(namespace: str) -> None:
    async with api.connected("status-floor", VERSION, KUBECONFIG) as server, asyncio.TaskGroup() as tasks:
        written: set[str] = set()
        while True:
            async with aclosing(server.watch(PODS, {}, namespace, silence=60)) as events:
                async for event in events:
                    pod, is_pod = event["object"], event["type"] in ("ADDED", "MODIFIED")
                    if is_pod and pod["spec"].get("nodeName") and pod["metadata"]["uid"] not in written:
                        written.add(pod["metadata"]["uid"])
                        tasks.create_task(_write(server, pod["metadata"]))


async def _write(server: Api, metadata: dict[str, Any]) -> None:
    annotations = {"annotations": {_STATUS: _TEXT}, "uid": metadata["uid"]}
    name, namespace = metadata["name"], metadata["namespace"]
    await server.merge_patch(PODS, {"metadata": annotations}, name, namespace, "status", metadata_only=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
