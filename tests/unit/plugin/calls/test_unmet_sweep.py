"""The sweep for running pods that lack a network: what it reports, how often, and what it asks the API for."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from netattach_core.api import networks_annotation
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.node_state import Attached, AttachedNetwork, UnmetPods
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


Story = Callable[[SweptNode], Coroutine[Any, Any, None]]


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Story], None]:
    async def serve(story: Story) -> None:
        async with api_server.serving() as server, asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            node = SweptNode(server, tmp_path)
            task = tasks.create_task(node.pods.run())
            await story(node)
            task.cancel()

    return lambda story: asyncio.run(serve(story))


def test_a_pod_that_was_started_without_netattach_is_reported_once(run: Callable[[Story], None]) -> None:
    """By the second look, with one request, however often it is looked at."""

    async def story(node: SweptNode) -> None:
        node.put()
        await node.known()
        await node.looks(1)
        assert ([UnmetPods()], 0, {}) == (node.reports, node.gets, node.events.lacking)
        await node.looks(5)

        (pod,) = node.reports[-1].pods
        assert ("shop", "web", "u", ("shop/lan",), "NotAttached") == (
            pod.namespace,
            pod.name,
            pod.uid,
            pod.networks,
            pod.reason,
        )
        assert (2, 1, 1) == (len(node.reports), node.gets, node.sweep.count)
        assert {"shop/web": [pod.message]} == node.events.lacking

    run(story)


def test_a_namespace_with_many_such_pods_delays_none_of_another(run: Callable[[Story], None]) -> None:
    async def story(node: SweptNode) -> None:
        for number in range(30):
            node.put(metadata={"namespace": "crowd", "name": f"p{number}", "uid": f"u{number}"})
        node.put()
        await node.server.until(lambda: len(list(node.pods)) == 31)
        await node.looks()

        assert "shop/web" in node.events.lacking

    run(story)


def test_pods_that_stay_undecided_delay_no_other_for_long(run: Callable[[Story], None]) -> None:
    """In more namespaces than pods are asked about, as where containers crash."""

    async def story(node: SweptNode) -> None:
        for number in range(25):
            node.put(started="", metadata={"namespace": f"a{number}", "uid": f"u{number}"})
        node.put()
        await node.server.until(lambda: len(list(node.pods)) == 26)
        await node.looks(3)

        assert {"shop/web"} == node.events.lacking.keys()

    run(story)


def test_pods_that_the_api_does_not_answer_for_delay_no_other_for_long(run: Callable[[Story], None]) -> None:
    async def story(node: SweptNode) -> None:
        for number in range(25):
            node.put(metadata={"namespace": f"a{number}", "uid": f"u{number}"})
            node.server.fail(503, method="GET", path=f"namespaces/a{number}/pods/web", times=1000)
        node.put()
        await node.server.until(lambda: len(list(node.pods)) == 26)
        await node.looks(3)

        assert {"shop/web"} == node.events.lacking.keys()

    run(story)


def test_a_pod_that_gets_its_networks_is_reported_no_more(run: Callable[[Story], None]) -> None:
    async def story(node: SweptNode) -> None:
        node.put()
        await node.known()
        await node.looks()
        assert 1 == node.sweep.count
        await node.attach(LAN)
        await node.looks(1)

        assert (UnmetPods(), 0) == (node.reports[-1], node.sweep.count)

    run(story)


def test_a_pod_with_its_networks_costs_no_request(run: Callable[[Story], None]) -> None:
    async def story(node: SweptNode) -> None:
        node.put()
        await node.attach(LAN)
        await node.known()
        await node.looks(3)

        assert ([UnmetPods()], 0) == (node.reports, node.gets)

    run(story)


def test_a_lost_interface_is_reported(run: Callable[[Story], None]) -> None:
    async def story(node: SweptNode) -> None:
        node.put()
        await node.attach(LAN)
        await node.known()
        await node.looks()
        node.links.found["c1"] = InNamespace(missing=frozenset({"net1"}))
        await node.looks()

        assert ["InterfaceMissing"] == node.reasons

    run(story)


def test_a_pod_in_another_sandbox_than_the_attached_one_is_reported(run: Callable[[Story], None]) -> None:
    async def story(node: SweptNode) -> None:
        node.put()
        await node.attach(LAN)
        node.links.found["c1"] = InNamespace(gone=True)
        await node.known()
        await node.looks()

        assert ["OtherSandbox"] == node.reasons

    run(story)


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param({"hostNetwork": True}, id="in the node's network"),
        pytest.param({"started": ""}, id="no container runs"),
        pytest.param({"started": "2020-01-01T00:00:00Z"}, id="its containers ran before the reboot"),
    ],
)
def test_a_pod_that_does_not_run_without_its_networks(
    run: Callable[[Story], None], pod: dict[str, Any]
) -> None:
    async def story(node: SweptNode) -> None:
        node.put(**pod)
        await node.known()
        await node.looks(4)

        assert [UnmetPods()] == node.reports
        assert (1 if "hostNetwork" in pod else 3) == node.gets

    run(story)


@pytest.mark.parametrize("phase", [Phase.ADDING, Phase.ADDED])
def test_a_pod_whose_add_ends_between_two_looks_is_not_reported(
    run: Callable[[Story], None], phase: Phase
) -> None:
    async def story(node: SweptNode) -> None:
        node.put()
        await node.known()
        await node.looks(1)
        await node.attach(LAN, phase=phase)
        await node.looks(2)

        assert ([UnmetPods()], 0) == (node.reports, node.gets)

    run(story)


def test_a_pod_that_is_being_deleted_is_not_looked_at(run: Callable[[Story], None]) -> None:
    async def story(node: SweptNode) -> None:
        node.put()
        await node.known()
        node.put(metadata={"deletionTimestamp": "2026-11-30T00:00:00Z"})
        await node.server.until(lambda: not list(node.pods))
        await node.looks(3)

        assert ([UnmetPods()], 0) == (node.reports, node.gets)

    run(story)


def test_an_annotation_that_was_changed_while_the_pod_ran_says_so(run: Callable[[Story], None]) -> None:
    """Whether the pod had networks before, or the default network alone."""

    async def story(node: SweptNode) -> None:
        node.put("lan,infra/san")
        await node.attach(LAN)
        await node.known()
        await node.looks()
        assert ["AnnotationChanged"] == node.reasons
        node.attached.remove("c1")
        await node.attach()
        await node.looks(3)

        assert ["AnnotationChanged"] == node.reasons
        assert ("shop/lan", "infra/san") == node.reports[-1].pods[0].networks

    run(story)


def _write_caches(node: SweptNode, *networks: Attachment, uid: str = "u", name: str = "web") -> None:
    """As Multus leaves them."""
    pod, container = PodRef("shop", name, uid), "m1" if name == "web" else f"{name}-{uid}"
    args = {"K8S_POD_NAMESPACE": pod.namespace, "K8S_POD_NAME": pod.name, "K8S_POD_UID": pod.uid}
    default = dataclasses.replace(DEFAULT, args=args)
    results = node.root / "multus/results"
    results.mkdir(parents=True, exist_ok=True)
    sandbox = Sandbox(container, "/run/netns/m1", pod, Phase.ADDED, (default, *networks))
    (node.root / "multus" / container).write_bytes(multus.dump(sandbox))
    (results / f"cbr0-{container}-eth0").write_bytes(libcni.dump(container, "/run/netns/m1", default))
    (results / "broken-m2-eth0").write_text("{")
    (results / "other-m3-eth0").write_text(json.dumps({"kind": "another"}))


@pytest.mark.parametrize(
    ("cached", "uid", "reasons"),
    [
        pytest.param((LAN,), "u", [], id="all"),
        pytest.param((), "u", ["AnnotationChanged"], id="fewer than it asks for now"),
        pytest.param((LAN,), "v", ["NotAttached"], id="another pod of its name"),
    ],
)
def test_a_pod_that_multus_attached(
    run: Callable[[Story], None], cached: tuple[Attachment, ...], uid: str, reasons: list[str]
) -> None:
    async def story(node: SweptNode) -> None:
        _write_caches(node, *cached, uid=uid)
        node.put()
        await node.known()
        await node.looks(3)

        assert (reasons, 1) == (node.reasons, node.gets)

    run(story)


def test_a_pod_that_multus_attached_counts_while_it_runs(run: Callable[[Story], None]) -> None:
    """Its network must not be deleted unnoticed."""

    async def story(node: SweptNode) -> None:
        _write_caches(node, LAN)
        node.put()
        await node.known()
        await node.looks(4)
        assert [Attached(1, (AttachedNetwork("shop/lan", 1),))] == node.counts
        (node.root / "multus/m1").unlink()  # as DEL does
        await node.looks(1)
        assert Attached() == node.counts[-1]
        _write_caches(node, LAN)
        await node.looks(1)
        assert Attached(1, (AttachedNetwork("shop/lan", 1),)) == node.counts[-1]

        node.server.delete(PODS, "web", "shop")
        await node.server.until(lambda: not list(node.pods))
        await node.looks(1)
        assert Attached() == node.counts[-1]

    run(story)


def test_all_pods_of_multus_count_from_the_first_look_on(run: Callable[[Story], None]) -> None:
    """They are more than the API is asked about at once, and it is not asked for the count."""

    async def story(node: SweptNode) -> None:
        for number in range(50):
            _write_caches(node, LAN, uid=f"u{number}", name=f"p{number}")
            node.put(metadata={"name": f"p{number}", "uid": f"u{number}"})
        _write_caches(node, LAN, uid="former", name="p0")
        _write_caches(node, LAN, uid="gone", name="gone")
        await node.server.until(lambda: len(list(node.pods)) == 50)
        node.server.requests.clear()
        await node.looks(1)

        assert [Attached(50, (AttachedNetwork("shop/lan", 50),))] == node.counts
        assert [] == [str(each) for each in node.server.requests if "pods/" in str(each)]

    run(story)


def test_pods_do_not_count_before_it_is_known_which_of_them_run(run: Callable[[Story], None]) -> None:
    """A cache may be left of a pod that is gone."""

    async def story(node: SweptNode) -> None:
        _write_caches(node, LAN)
        node.put()
        await node.known()
        node.pods.synced.clear()
        await node.looks(2)
        assert (False, []) == (node.attached.is_complete, node.counts)

        node.pods.synced.set()
        await node.looks(1)
        assert (True, 1) == (node.attached.is_complete, node.counts[-1].pods)

    run(story)


def test_without_pods_of_multus_the_numbers_are_complete_at_once(run: Callable[[Story], None]) -> None:
    async def story(node: SweptNode) -> None:
        await node.server.until(node.pods.synced.is_set)
        node.pods.synced.clear()
        await node.looks(1)

        assert (True, [Attached()]) == (node.attached.is_complete, node.counts)

    run(story)


def test_numbers_are_not_complete_while_the_caches_cannot_be_read(run: Callable[[Story], None]) -> None:
    async def story(node: SweptNode) -> None:
        (node.root / "multus").mkdir()
        (node.root / "multus/results").write_text("no directory")
        node.put()
        await node.known()
        await node.looks(3)

        assert (False, ["NotAttached"]) == (node.attached.is_complete, node.reasons)

    run(story)


def test_a_pod_that_netattach_attaches_after_multus_counts_once(run: Callable[[Story], None]) -> None:
    async def story(node: SweptNode) -> None:
        _write_caches(node, LAN)
        node.put()
        await node.known()
        await node.looks()
        await node.attach(LAN)
        assert Attached(1, (AttachedNetwork("shop/lan", 1),)) == node.attached.counts(lambda _: None)
        await node.looks(1)
        assert Attached(1, (AttachedNetwork("shop/lan", 1),)) == node.counts[-1]
        assert 2 == len(node.counts)

    run(story)


def test_a_static_pod_has_another_uid_in_the_ledger(run: Callable[[Story], None]) -> None:
    async def story(node: SweptNode) -> None:
        node.put(annotations={"kubernetes.io/config.mirror": "digest"})
        await node.known()
        await node.looks()
        (pod,) = node.reports[-1].pods
        assert "u" == pod.uid  # with which the API finds it
        sandbox = Sandbox("c1", "/n", PodRef("shop", "web", "digest"), Phase.ADDED, (DEFAULT, LAN))
        node.attached.put(sandbox)
        await node.looks(1)

        assert UnmetPods() == node.reports[-1]

    run(story)


def test_what_the_api_does_not_answer_is_asked_again(run: Callable[[Story], None]) -> None:
    async def story(node: SweptNode) -> None:
        node.put()
        await node.known()
        node.server.fail(503, method="GET", path="pods/web", times=2)
        await node.looks(3)
        assert [UnmetPods()] == node.reports
        await node.looks(1)

        assert ["NotAttached"] == node.reasons

    run(story)


def test_a_cluster_wide_network_is_missing_only_where_the_pod_was_not_attached(
    run: Callable[[Story], None],
) -> None:
    """A pod that is in the ledger with the default network alone was started before the setting."""

    async def story(node: SweptNode) -> None:
        node.settings = SelectionSettings(defaults=("audit",))
        node.put("")
        await node.known()
        await node.looks()
        assert ("kube-system/audit",) == node.reports[-1].pods[0].networks
        node.put("")
        await node.attach()
        node.sweep._outcomes.clear()
        await node.looks()

        assert UnmetPods() == node.reports[-1]

    run(story)
