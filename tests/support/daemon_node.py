"""A whole daemon with an API server in this process; the kernel and the shim are twins."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from netattach_core.api import networks_annotation
from netattach_core.api.pod import PodRef
from netattach_kube.resource import DAEMON_SETS, NADS, NAMESPACES, NODES, PODS
from netattach_plugin.node.shim_binary import ShimBinary
from netattach_plugin.settings import Settings
from support import shim_side
from support.api_server import ApiServer, Request
from support.twins import Reply, succeeded
from support.twins_of_links import FakePodLinks

PRIMARY = '{"cniVersion": "1.0.0", "name": "cbr0", "plugins": [{"type": "ptp"}]}'
PLAIN: Mapping[str, str] = {}
TWO = {networks_annotation.NETWORKS: "a"}


class EmptyPods(FakePodLinks):
    """Links of pods; one appears as soon as it is waited for."""

    async def appeared(self, name: str) -> None:
        """At once."""


class DaemonNode:
    """The daemon, its node's directories, and its API."""

    def __init__(self, server: ApiServer, root: Path) -> None:
        self.server = server
        self.config, self.bin = root / "net.d", root / "bin"
        for folder in (self.config, self.bin):
            folder.mkdir()
        (self.config / "10-default.conflist").write_text(PRIMARY)
        (root / "shim").write_bytes(b"the shim")
        ShimBinary(root / "shim", self.bin).install()
        (root / "kubeconfig").write_text(json.dumps(_kubeconfig(server.url)))
        self.settings = Settings(
            socket=root / "run/cni.sock",
            ledger=root / "ledger",
            multus=root / "multus",
            libcni=root / "cni",
            dhcp=root / "run/dhcp.sock",
            conf_dir=self.config,
            bin_dir=(self.bin,),
            shim=root / "shim",
            config=root / "config.yaml",
            kubeconfig=root / "kubeconfig",
            health=free_address(),
            node="node1",
            status_wait=0.2,
        )
        server.put(NODES, {"metadata": {"name": "node1"}})
        for name in ("netattach-node", "ns"):
            server.put(NAMESPACES, {"metadata": {"name": name}})
        server.put(DAEMON_SETS, {"metadata": {"name": "netattach-daemon", "namespace": "netattach-node"}})
        server.put(
            NADS, {"metadata": {"namespace": "ns", "name": "a"}, "spec": {"config": '{"type":"macvlan"}'}}
        )

    @property
    def ours(self) -> bool:
        return (self.config / "00-netattach.conflist").exists()

    def create_pod(self, name: str, annotations: Mapping[str, str]) -> PodRef:
        metadata = {"namespace": "ns", "name": name, "annotations": dict(annotations)}
        self.server.put(PODS, {"metadata": metadata, "spec": {"nodeName": "node1"}})
        return PodRef("ns", name, self.server.read(PODS, name, "ns")["metadata"]["uid"])

    async def call(
        self,
        command: str,
        pod: PodRef,
        annotations: Mapping[str, str] | None,
        reply: Reply = succeeded,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, Any]:
        """`more` are other variables of the call."""
        return await asyncio.to_thread(
            shim_side.call, self.settings.socket, command, pod, annotations, reply, more
        )

    def status(self, pod: PodRef) -> list[str]:
        """The interfaces in the pod's status."""
        annotations = self.server.read(PODS, pod.name, "ns")["metadata"]["annotations"]
        return [
            entry["interface"]
            for entry in json.loads(annotations.get(networks_annotation.NETWORK_STATUS, "[]"))
        ]

    async def probe(self, path: str) -> str:
        return await asyncio.to_thread(_get, f"http://{self.settings.health}{path}")

    async def ready(self) -> None:
        """And it has begun to watch the running pods, so that a test can count the requests of what it does."""
        await self.answers("ok", "/readyz")
        await self.server.until(lambda: any(map(_watches_running_pods, self.server.requests)))

    async def answers(self, text: str, path: str) -> None:
        """Returns once a probe has this text."""
        while text not in await self.probe(path):  # noqa: ASYNC110  # as the kubelet probes
            await asyncio.sleep(0.01)


def _watches_running_pods(request: Request) -> bool:
    return request.is_watch and "status.phase=Running" in request.query.get("fieldSelector", "")


def _kubeconfig(url: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {}}],
    }


def free_address() -> str:
    """Host and port; no other process uses this host, so the port stays free until the daemon binds it."""
    number = os.getpid()
    host = f"127.{1 + number // 2**16}.{number // 2**8 % 2**8}.{number % 2**8}"
    with socket.socket() as probe:
        probe.bind((host, 0))
        return f"{host}:{probe.getsockname()[1]}"


def _get(url: str) -> str:
    """The body, also of an error; empty while nothing listens."""
    with suppress(urllib.error.URLError):
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return str(response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()
    return ""
