"""A node with one pod, the sweep for pods that lack a network, and an API server."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from netattach_core.api import networks_annotation
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.node_state import Attached, UnmetPods
from netattach_core.api.pod import PodRef
from netattach_core.attach.attached_pods import AttachedPods, AttachedSandbox
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.attach.unmet_pods import InNamespace
from netattach_core.caches import libcni, multus
from netattach_kube.resource import PODS
from netattach_plugin.calls.unmet_sweep import UnmetSweep
from netattach_plugin.cluster.running_pods import RunningPods
from netattach_plugin.netlink.namespace_links import NamespaceLinks
from netattach_plugin.state.multus_pods import MultusPods
from support import api_server
from support.api_server import ApiServer
from support.twins import MemoryLedger, RecordingEvents

DEFAULT = Attachment("cbr0", "eth0", '{"cniVersion":"1.0.0","type":"bridge"}', "cbr0", default=True)
LAN = Attachment("shop/lan", "net1", '{"cniVersion":"1.0.0","type":"macvlan"}', "lan")
GET = "GET /api/v1/namespaces/shop/pods/web"


class FixedLinks(NamespaceLinks):
    """What is found of each sandbox."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, InNamespace] = {}

    def look(self, sandboxes: Sequence[AttachedSandbox]) -> dict[str, InNamespace]:
        return {each.container_id: self.found.get(each.container_id, InNamespace()) for each in sandboxes}


class SweptNode:
    """A node with one pod, and the sweep."""

    def __init__(self, server: ApiServer, root: Path) -> None:
        self.server, self.root = server, root
        self.pods, self.links = RunningPods(server.api, "node1"), FixedLinks()
        self.attached, self.ledger, self.events = AttachedPods(), MemoryLedger(), RecordingEvents()
        self.reports: list[UnmetPods] = []
        self.settings = SelectionSettings()
        self.sweep = UnmetSweep(
            pods=self.pods,
            attached=self.attached,
            ledger=self.ledger,
            links=self.links,
            multus=MultusPods(root / "multus", root / "cni"),
            events=self.events,
            selection=lambda: self.settings,
            report=self.reports.append,
            booted=time.time() - 3600,
            counted=lambda: self.counts.append(self.attached.counts(lambda _: None)),
        )
        self.counts: list[Attached] = []

    def put(self, networks: str = "lan", started: str = "2999-01-01T00:00:00Z", **more: Any) -> None:
        """A running pod; its container runs since `started`, "" for not at all."""
        running = {"running": {"startedAt": started}} if started else {"waiting": {}}
        metadata = {
            "namespace": "shop",
            "name": "web",
            "uid": "u",
            "annotations": {networks_annotation.NETWORKS: networks, **more.pop("annotations", {})},
            **more.pop("metadata", {}),
        }
        status = {"phase": "Running", "containerStatuses": [{"state": running}]}
        self.server.put(PODS, {"metadata": metadata, "spec": {"nodeName": "node1", **more}, "status": status})

    async def attach(self, *attachments: Attachment, phase: Phase = Phase.ADDED) -> None:
        sandbox = Sandbox(
            "c1", "/run/netns/c1", PodRef("shop", "web", "u"), phase, (DEFAULT, *attachments), netns_id="4:1"
        )
        await self.ledger.save(sandbox)
        self.attached.put(sandbox)

    async def known(self) -> None:
        """Returns when the watch has what the API has."""
        await self.server.until(lambda: {each.ref.name for each in self.pods} == {"web"})

    async def looks(self, times: int = 2) -> None:
        for _ in range(times):
            await self.sweep.look()

    @property
    def gets(self) -> int:
        return [str(request) for request in self.server.requests].count(GET)

    @property
    def reasons(self) -> list[str]:
        return [str(each.reason) for each in self.reports[-1].pods]

    def write_caches(self, *networks: Attachment, uid: str = "u", name: str = "web") -> None:
        """As Multus leaves them."""
        pod, container = PodRef("shop", name, uid), "m1" if name == "web" else f"{name}-{uid}"
        args = {"K8S_POD_NAMESPACE": pod.namespace, "K8S_POD_NAME": pod.name, "K8S_POD_UID": pod.uid}
        default = dataclasses.replace(DEFAULT, args=args)
        results = self.root / "multus/results"
        results.mkdir(parents=True, exist_ok=True)
        sandbox = Sandbox(container, "/run/netns/m1", pod, Phase.ADDED, (default, *networks))
        (self.root / "multus" / container).write_bytes(multus.dump(sandbox))
        (results / f"cbr0-{container}-eth0").write_bytes(libcni.dump(container, "/run/netns/m1", default))
        (results / "broken-m2-eth0").write_text("{")
        (results / "other-m3-eth0").write_text(json.dumps({"kind": "another"}))


Story = Callable[[SweptNode], Coroutine[Any, Any, None]]


def played(story: Story, root: Path) -> None:
    async def serve() -> None:
        async with (
            api_server.serving() as server,
            asyncio.timeout(api_server.PATIENCE),
            asyncio.TaskGroup() as tasks,
        ):
            node = SweptNode(server, root)
            task = tasks.create_task(node.pods.run())
            await story(node)
            task.cancel()

    asyncio.run(serve())
