"""Policy in the whole daemon: settings from the file, labels from the API, and what an outage leaves of both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from netattach_core.api.networks_annotation import NETWORKS
from netattach_core.api.pod import PodRef
from netattach_core.policy.levels import ENFORCE_LABEL
from netattach_kube.resource import EVENTS, NADS, NAMESPACES, NODES
from support.daemon_node import PLAIN, DaemonNode
from support.twins import Reply, succeeded

SHORT, LONG = {NETWORKS: "short"}, {NETWORKS: "long"}
LIMIT = "policy: {limits: {pluginsPerNetwork: 1}}"
RULE = "policy-too-many-plugins"
TRY_AGAIN, INVALID_NETWORK = 11, 7


def create_networks(node: DaemonNode) -> None:
    for name, count in (("short", 1), ("long", 2)):
        plugins = [{"type": "macvlan", "master": "eth1"}, {"type": "tuning", "mtu": 1400}][:count]
        config = json.dumps({"cniVersion": "1.0.0", "name": name, "plugins": plugins})
        node.server.put(NADS, {"metadata": {"namespace": "ns", "name": name}, "spec": {"config": config}})


def label(node: DaemonNode, level: str) -> None:
    labels = {ENFORCE_LABEL: level} if level else {}
    node.server.put(NAMESPACES, {"metadata": {"name": "ns", "labels": labels}})


async def code(
    node: DaemonNode, pod: PodRef, annotations: Mapping[str, str], reply: Reply = succeeded
) -> int:
    """Of an ADD and a DEL: 0, or the code of the ADD's error."""
    status, answer = await node.call("ADD", pod, annotations, reply)
    assert 0 == (await node.call("DEL", pod, annotations))[0]
    return int(answer["code"]) if status else 0


async def until(node: DaemonNode, pod: PodRef, annotations: Mapping[str, str], wanted: int) -> None:
    """An ADD ends like this at last, as changes of settings and labels reach the daemon."""
    while wanted != await code(node, pod, annotations):  # noqa: ASYNC110  # as a runtime retries
        await asyncio.sleep(0.01)


def test_a_refusal_is_an_event_and_counted_and_runs_nothing(run: Callable[..., DaemonNode]) -> None:
    async def story(node: DaemonNode) -> None:
        create_networks(node)
        pod, neighbour = node.create_pod("p", LONG), node.create_pod("q", SHORT)
        ran: list[Any] = []

        def reply(plugin: Any) -> Any:
            ran.append(plugin)
            return succeeded(plugin)

        status, error = await node.call("ADD", pod, LONG, reply)
        assert (1, INVALID_NETWORK, []) == (status, error["code"], ran)
        assert error["msg"].startswith(
            f"pod ns/p: policy refuses this: network ns/long: [{RULE}] plugins (line 1"
        )
        await node.server.until(lambda: bool(node.server.all(EVENTS)))
        (event,) = node.server.all(EVENTS)
        assert ("Warning", "FailedAttachment") == (event["type"], event["reason"])
        assert event["message"] == error["msg"]
        assert f'netattach_policy_denials_total{{mode="enforce",rule="{RULE}"}} 1.0' in await node.probe(
            "/metrics"
        )
        assert 0 == await code(node, neighbour, SHORT)

    run(story, config=LIMIT)


def test_the_label_of_the_namespace_and_the_settings_are_followed(run: Callable[..., DaemonNode]) -> None:
    """While the daemon runs; what was attached before is detached under the new policy."""

    async def story(node: DaemonNode) -> None:
        create_networks(node)
        pod = node.create_pod("p", LONG)
        label(node, "privileged")
        await until(node, pod, LONG, 0)
        assert 0 == (await node.call("ADD", pod, LONG))[0]
        other = node.create_pod("q", LONG)

        label(node, "baseline")
        await until(node, other, LONG, INVALID_NETWORK)
        assert 0 == (await node.call("CHECK", pod, LONG))[0]
        assert 0 == (await node.call("DEL", pod, LONG))[0]

        node.settings.config.write_text("policy: {mode: warn, limits: {pluginsPerNetwork: 1}}")
        await until(node, other, LONG, 0)
        assert f'netattach_policy_denials_total{{mode="warn",rule="{RULE}"}}' in await node.probe("/metrics")

    run(story, config=LIMIT)


def test_a_namespace_that_the_watch_has_not_reported_is_requested(run: Callable[..., DaemonNode]) -> None:
    """A namespace, its network and its pod are often applied together."""

    async def story(node: DaemonNode) -> None:
        create_networks(node)
        node.server.fail(500, method="WATCH", path="namespaces", times=1000)
        node.server.drop_watches()
        label(node, "privileged")
        pod = node.create_pod("p", SHORT)
        node.server.put(NAMESPACES, {"metadata": {"name": "late"}})
        late = {NETWORKS: "late/short"}
        config = {"config": '{"cniVersion":"1.0.0","type":"macvlan"}'}
        node.server.put(NADS, {"metadata": {"namespace": "late", "name": "short"}, "spec": config})

        assert 0 == await code(node, pod, late)
        assert "GET /api/v1/namespaces/late" in map(str, node.server.requests)

    run(story)


def test_without_the_api_the_labels_that_were_seen_last_are_in_force(run: Callable[..., DaemonNode]) -> None:
    """Neither is a pod refused that could start before, nor does the outage let one through."""

    async def story(node: DaemonNode) -> None:
        create_networks(node)
        good, bad = node.create_pod("p", SHORT), node.create_pod("q", LONG)
        await until(node, bad, LONG, INVALID_NETWORK)
        node.server.away = True

        assert (0, INVALID_NETWORK) == (await code(node, good, SHORT), await code(node, bad, LONG))

    run(story, config=LIMIT)


def test_a_daemon_that_starts_without_the_api_guesses_nothing(run: Callable[..., DaemonNode]) -> None:
    """Pods without networks start; the others once the API is back, and then policy is in force."""

    async def story(node: DaemonNode) -> None:
        create_networks(node)
        await node.answers("are not known yet", "/readyz")
        plain, good, bad = (node.create_pod(*each) for each in (("o", PLAIN), ("p", SHORT), ("q", LONG)))
        assert 0 == await code(node, plain, PLAIN)
        assert TRY_AGAIN == await code(node, good, SHORT)

        node.server.away = False
        await node.ready()
        assert (0, INVALID_NETWORK) == (await code(node, good, SHORT), await code(node, bad, LONG))

    run(story, away=True, config=LIMIT)


@pytest.mark.parametrize("broken", ["policy: {level: none}", "policy: [", "unknown: true"])
def test_broken_settings_leave_those_before_in_force_and_the_baseline_at_the_start(
    run: Callable[..., DaemonNode], broken: str
) -> None:
    limit = "policy: {default: privileged, limits: {pluginsPerNetwork: 1}}"

    async def story(node: DaemonNode) -> None:
        config = {"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "tuning"}] * 17}
        metadata = {"namespace": "ns", "name": "long"}
        node.server.put(NADS, {"metadata": metadata, "spec": {"config": json.dumps(config)}})
        pod = node.create_pod("p", LONG)
        await until(node, pod, LONG, INVALID_NETWORK)

        node.settings.config.write_text(limit)
        await until(node, pod, LONG, 0)
        node.settings.config.write_text(broken)
        await asyncio.sleep(0.1)  # five looks at the file
        assert 0 == await code(node, pod, LONG)

    run(story, config=broken)


def test_a_node_selector_is_held_against_the_labels_of_the_node(run: Callable[..., DaemonNode]) -> None:
    async def story(node: DaemonNode) -> None:
        metadata = {"namespace": "ns", "name": "long", "annotations": {"netattach.io/node-selector": "fast"}}
        config = {"config": '{"cniVersion":"1.0.0","type":"macvlan"}'}
        node.server.put(NADS, {"metadata": metadata, "spec": config})
        pod = node.create_pod("p", LONG)
        await until(node, pod, LONG, INVALID_NETWORK)

        node.server.put(NODES, {"metadata": {"name": "node1", "labels": {"fast": ""}}})
        await until(node, pod, LONG, 0)

    run(story)
