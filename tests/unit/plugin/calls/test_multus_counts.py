"""Pods that Multus attached before a takeover count while they run, and no number counts until they are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from netattach_core.api.node_state import Attached, AttachedNetwork
from netattach_kube.resource import PODS
from support import swept_node
from support.swept_node import LAN, Story, SweptNode


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Story], None]:
    return lambda story: swept_node.played(story, tmp_path)


def test_a_pod_that_multus_attached_counts_while_it_runs(run: Callable[[Story], None]) -> None:
    """Its network must not be deleted unnoticed."""

    async def story(node: SweptNode) -> None:
        node.write_caches(LAN)
        node.put()
        await node.known()
        await node.looks(4)
        assert [Attached(1, (AttachedNetwork("shop/lan", 1),))] == node.counts
        (node.root / "multus/m1").unlink()  # as DEL does
        await node.looks(1)
        assert Attached() == node.counts[-1]
        node.write_caches(LAN)
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
            node.write_caches(LAN, uid=f"u{number}", name=f"p{number}")
            node.put(metadata={"name": f"p{number}", "uid": f"u{number}"})
        node.write_caches(LAN, uid="former", name="p0")
        node.write_caches(LAN, uid="gone", name="gone")
        await node.server.until(lambda: len(list(node.pods)) == 50)
        node.server.requests.clear()
        await node.looks(1)

        assert [Attached(50, (AttachedNetwork("shop/lan", 50),))] == node.counts
        assert [] == [str(each) for each in node.server.requests if "pods/" in str(each)]

    run(story)


def test_pods_do_not_count_before_it_is_known_which_of_them_run(run: Callable[[Story], None]) -> None:
    """A cache may be left of a pod that is gone."""

    async def story(node: SweptNode) -> None:
        node.write_caches(LAN)
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
        node.write_caches(LAN)
        node.put()
        await node.known()
        await node.looks()
        await node.attach(LAN)
        assert Attached(1, (AttachedNetwork("shop/lan", 1),)) == node.attached.counts(lambda _: None)
        await node.looks(1)
        assert Attached(1, (AttachedNetwork("shop/lan", 1),)) == node.counts[-1]
        assert 2 == len(node.counts)

    run(story)
