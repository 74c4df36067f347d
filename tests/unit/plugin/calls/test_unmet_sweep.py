"""The sweep for running pods that lack a network: what it reports, how often, and what it asks the API for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.node_state import UnmetPods
from netattach_core.api.pod import PodRef
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.attach.unmet_pods import InNamespace
from support import swept_node
from support.swept_node import DEFAULT, LAN, Story, SweptNode


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Story], None]:
    return lambda story: swept_node.played(story, tmp_path)


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
        node.write_caches(*cached, uid=uid)
        node.put()
        await node.known()
        await node.looks(3)

        assert (reasons, 1) == (node.reasons, node.gets)

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
