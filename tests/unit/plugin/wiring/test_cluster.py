"""The whole daemon with an API server: its requests, outages, and its end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netattach_core.api import networks_annotation
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.cni import netattach_conf
from netattach_core.shim import compiled_chain
from netattach_core.shim.protocol import Ran
from netattach_kube.resource import DAEMON_SETS, EVENTS, INVENTORIES, NADS, PODS
from netattach_plugin.node.shim_binary import ShimBinary
from netattach_plugin.state.cni_caches import CniCaches
from netattach_plugin.state.ledger import FileLedger
from support.daemon_node import PLAIN, PRIMARY, TWO, DaemonNode
from support.twins import PluginRun, failed, succeeded


def test_a_pod_that_selects_networks_costs_one_patch_and_one_event(run: Callable[..., DaemonNode]) -> None:
    """No GET: the call has the annotations, and the watch has the NAD."""

    async def story(node: DaemonNode) -> None:
        pod = node.create_pod("p", TWO)
        node.server.requests.clear()
        assert (0, "1.0.0") == _status_and_version(await node.call("ADD", pod, TWO))
        await node.server.until(lambda: len(node.server.all(EVENTS)) == 1 and node.status(pod) != [])

        event = "POST /api/v1/namespaces/ns/events"
        patch = "PATCH /api/v1/namespaces/ns/pods/p/status"
        assert sorted((patch, event)) == sorted(map(str, node.server.requests))
        assert ["eth0", "net1"] == node.status(pod)

    run(story)


def test_the_status_of_a_pod_without_secondary_networks_is_one_later_patch(
    run: Callable[..., DaemonNode],
) -> None:
    async def story(node: DaemonNode) -> None:
        pod = node.create_pod("p", PLAIN)
        node.server.requests.clear()
        await node.call("ADD", pod, PLAIN)
        await node.server.until(lambda: node.status(pod) == ["eth0"])

        assert ["PATCH /api/v1/namespaces/ns/pods/p/status"] == list(map(str, node.server.requests))

    run(story)


def test_a_pod_without_secondary_networks_costs_no_request_where_the_settings_say_never(
    run: Callable[..., DaemonNode],
) -> None:
    """Statuses are written in order: that of the second pod shows that the first one has none."""

    async def story(node: DaemonNode) -> None:
        plain, other = node.create_pod("p", PLAIN), node.create_pod("q", TWO)
        await node.call("ADD", plain, PLAIN)
        await node.call("ADD", other, TWO)
        await node.server.until(lambda: node.status(other) == ["eth0", "net1"])
        await node.call("DEL", plain, PLAIN)

        assert not any("pods/p" in str(request) for request in node.server.requests)

    run(story, config="statusForPlainPods: never")


@pytest.mark.parametrize(
    ("config", "started"),
    [("", ["ptp"]), ("skipIdlePlugins: never", ["ptp", "portmap"])],
    ids=["auto", "never"],
)
def test_the_settings_say_whether_plugins_without_anything_to_do_are_started(
    run: Callable[..., DaemonNode], config: str, started: list[str]
) -> None:
    """By the daemon, and in what it compiles for the shim: the default network, and the DEL of each entry."""
    plugins: list[str] = []

    def reply(ran: PluginRun) -> Ran:
        plugins.append(ran.plugin)
        return succeeded(ran)

    async def story(node: DaemonNode) -> None:
        (node.config / "10-default.conflist").write_text(PRIMARY.replace("}]", '}, {"type": "portmap"}]'))
        primary = node.settings.ledger / "chains/primary"
        await node.server.until(lambda: primary.exists() and b"portmap" in primary.read_bytes())
        assert (len(started) == 1) == any(
            step.work for step in compiled_chain.parse(primary.read_bytes()).steps
        )
        await node.call("ADD", node.create_pod("p", PLAIN), PLAIN, reply)
        (deletion,) = (node.settings.ledger / "chains/del").iterdir()

        assert started == plugins
        assert started[::-1] == [step.plugin for step in compiled_chain.parse(deletion.read_bytes()).steps]

    run(story, config=config)


@pytest.mark.parametrize(
    ("config", "events"),
    [("", 1), ("addedInterfaceEvents: perInterface", 2)],
    ids=["per pod", "per interface"],
)
def test_the_settings_say_whether_each_interface_is_an_event(
    run: Callable[..., DaemonNode], config: str, events: int
) -> None:
    async def story(node: DaemonNode) -> None:
        await node.call("ADD", node.create_pod("p", TWO), TWO)
        await node.server.until(lambda: len(node.server.all(EVENTS)) == events)
        text = "; ".join(event["message"] for event in node.server.all(EVENTS))

        assert ["Add eth0", "Add net1"] == [each[:8] for each in text.split("; ")]

    run(story, config=config)


def test_a_failed_add_is_an_event_on_the_pod(run: Callable[..., DaemonNode]) -> None:
    async def story(node: DaemonNode) -> None:
        pod = node.create_pod("p", TWO)
        code, error = await node.call("ADD", pod, TWO, failed("no such master"))
        await node.server.until(lambda: len(node.server.all(EVENTS)) == 1)

        (event,) = node.server.all(EVENTS)
        assert (1, "Warning", "FailedAttachment") == (code, event["type"], event["reason"])
        assert event["message"] == error["msg"]
        assert "no such master" in event["message"]

    run(story)


def test_an_api_that_refuses_events_fails_no_add(run: Callable[..., DaemonNode]) -> None:
    async def story(node: DaemonNode) -> None:
        node.server.fail(403, method="POST", path="events", times=99)
        pod = node.create_pod("p", TWO)

        assert 0 == (await node.call("ADD", pod, TWO))[0]
        await node.server.until(lambda: node.status(pod) == ["eth0", "net1"])
        await node.server.asked("POST /api/v1/namespaces/ns/events")

    run(story)


def test_without_the_api_pods_without_secondary_networks_start_and_the_others_wait(
    run: Callable[..., DaemonNode],
) -> None:
    """As on a node that boots before it; afterwards, statuses and inventory are written."""

    async def story(node: DaemonNode) -> None:
        await node.answers("NetworkAttachmentDefinitions are not known yet", "/readyz")
        await node.answers("ok", "/healthz")
        plain, other = node.create_pod("p", PLAIN), node.create_pod("q", TWO)
        assert 0 == (await node.call("ADD", plain, PLAIN))[0]
        code, error = await node.call("ADD", other, TWO)
        assert (1, 11) == (code, error["code"])
        assert [] == node.status(plain)
        assert node.ours

        node.server.away = False
        await node.ready()
        await node.server.until(lambda: node.status(plain) == ["eth0"])
        assert 0 == (await node.call("ADD", other, TWO))[0]
        assert node.server.has(INVENTORIES, "node1")

    run(story, away=True)


def test_watched_nads_are_attached_without_the_api(run: Callable[..., DaemonNode]) -> None:
    """The status is written later."""

    async def story(node: DaemonNode) -> None:
        pod = node.create_pod("p", TWO)
        node.server.away = True
        assert 0 == (await node.call("ADD", pod, TWO))[0]
        assert [] == node.status(pod)
        node.server.away = False
        await node.server.until(lambda: node.status(pod) == ["eth0", "net1"])

    run(story)


def test_an_upgrade_leaves_the_cni_config(run: Callable[..., DaemonNode]) -> None:
    async def story(node: DaemonNode) -> None:
        assert node.ours

    node = run(story)

    assert node.ours
    assert not node.settings.socket.exists()


def test_an_uninstall_gives_the_node_back_to_its_default_network(run: Callable[..., DaemonNode]) -> None:
    """Also without permission to read the DaemonSet any more."""

    async def story(node: DaemonNode) -> None:
        await node.server.asked("WATCH", times=4)
        node.server.delete(DAEMON_SETS, "netattach-daemon", "netattach-node")

    node = run(story)

    assert ["10-default.conflist"] == sorted(path.name for path in node.config.iterdir())
    assert (node.bin / "netattach").exists()


def test_an_uninstall_hands_sandboxes_over(run: Callable[..., DaemonNode]) -> None:
    """To the runtime, which deletes the default network from then on, and to a Multus that may be installed."""

    async def story(node: DaemonNode) -> None:
        assert 0 == (await node.call("ADD", node.create_pod("p", TWO), TWO))[0]
        await node.server.asked("WATCH", times=4)
        node.server.delete(DAEMON_SETS, "netattach-daemon", "netattach-node")

    node = run(story)

    (noted,) = [path for path in node.settings.multus.iterdir() if path.is_file()]
    assert 2 == len(json.loads(noted.read_text()))
    assert 2 == len(list((node.settings.multus / "results").iterdir()))
    assert 1 == len(list((node.settings.libcni / "results").iterdir()))
    assert [netattach_conf.UNINSTALL_FILE_NAME, "10-default.conflist", "netattach.conf"] == sorted(
        p.name for p in node.config.rglob("*") if p.is_file()
    )
    assert (node.settings.ledger / "chains/stand-in").exists()  # the shim reads it


def test_an_installation_takes_sandboxes_back(run: Callable[..., DaemonNode], tmp_path: Path) -> None:
    """Otherwise they would be deleted twice, or never."""
    default = Attachment("cbr0", "eth0", PRIMARY, "cbr0", default=True, result="{}")
    ours = Sandbox("c1", "/n", None, Phase.ADDED, (default,))
    asyncio.run(FileLedger(tmp_path / "ledger").save(ours))
    CniCaches(tmp_path / "multus", tmp_path / "cni").export(ours)

    async def story(node: DaemonNode) -> None:
        assert node.ours

    node = run(story)

    left = [*node.settings.multus.rglob("*"), *node.settings.libcni.rglob("*")]
    assert [] == [path for path in left if path.is_file()]


def test_a_shim_that_is_missing_makes_the_daemon_unready_and_says_how_to_install_it(
    run: Callable[..., DaemonNode],
) -> None:
    """It cannot repair it: the directory of the plugins is mounted read-only. Once it is back, the daemon is ready."""

    async def story(node: DaemonNode) -> None:
        (node.bin / "netattach").unlink()
        await node.answers("rollout restart daemonset/netattach-daemon", "/readyz")
        assert "kubectl --namespace netattach-node" in await node.probe("/readyz")
        assert node.ours
        ShimBinary(node.settings.shim, node.bin).install()
        await node.ready()

    run(story)


def test_a_stop_without_the_api_leaves_the_cni_config(run: Callable[..., DaemonNode]) -> None:
    """In doubt it is no uninstall: pods that select networks must not start without them."""

    async def story(node: DaemonNode) -> None:
        node.server.away = True

    assert run(story).ours


def test_calls_and_ledger_entries_are_metrics(run: Callable[..., DaemonNode]) -> None:
    async def story(node: DaemonNode) -> None:
        pod = node.create_pod("p", PLAIN)
        await node.call("ADD", pod, PLAIN)
        text = await node.probe("/metrics")

        assert 'netattach_cni_call_duration_seconds_count{command="ADD",outcome="success"} 1.0' in text
        assert "netattach_ledger_entries 1.0" in text

    run(story)


def _status_and_version(answered: tuple[int, Any]) -> tuple[int, str]:
    return answered[0], answered[1]["cniVersion"]


def test_namespace_isolation_follows_the_settings(run: Callable[..., DaemonNode]) -> None:
    """When the mounted file changes, without a restart."""

    async def story(node: DaemonNode) -> None:
        asked = {networks_annotation.NETWORKS: "shared/x"}
        pod = node.create_pod("p", asked)
        node.server.put(
            NADS, {"metadata": {"namespace": "shared", "name": "x"}, "spec": {"config": '{"type":"vlan"}'}}
        )
        status, error = await node.call("ADD", pod, asked)
        assert (1, True) == (
            status,
            "pods in namespace 'ns' cannot use networks in namespace 'shared'" in str(error),
        )

        node.settings.config.write_text("namespaceIsolation: true\nglobalNamespaces: [shared]")
        while (await node.call("ADD", pod, asked))[0]:  # noqa: ASYNC110  # as a runtime retries
            await asyncio.sleep(0.01)
        await node.server.until(lambda: node.status(pod) == ["eth0", "net1"])

    run(story, config="namespaceIsolation: true")


def test_default_networks_follow_the_settings(run: Callable[..., DaemonNode]) -> None:
    """The annotation that skips them is read from the API where the call does not have it."""

    async def story(node: DaemonNode) -> None:
        plain = node.create_pod("p", PLAIN)
        spared = node.create_pod("q", {networks_annotation.SKIP_DEFAULT_NETWORKS: "true"})
        await node.call("ADD", plain, PLAIN)
        await node.call("ADD", spared, None)
        await node.server.until(lambda: node.status(spared) != [] and node.status(plain) != [])

        assert ["eth0", "net1"] == node.status(plain)
        assert ["eth0"] == node.status(spared)

    run(story, config="defaultNetworks: [a]\nnetworksNamespace: ns\nsystemNamespaces: []")


def test_the_default_network_follows_the_settings(run: Callable[..., DaemonNode]) -> None:
    """The CNI config of netattach has its version."""

    async def story(node: DaemonNode) -> None:
        (node.config / "99-late.conf").write_text('{"cniVersion":"0.4.0","name":"late","type":"bridge"}')
        node.settings.config.write_text("primaryNetwork: late")
        while '"0.4.0"' not in (node.config / "00-netattach.conflist").read_text():  # noqa: ASYNC110  # a file
            await asyncio.sleep(0.01)
        pod = node.create_pod("p", PLAIN)
        await node.call("ADD", pod, PLAIN)
        await node.server.until(lambda: node.status(pod) != [])

        text = node.server.read(PODS, "p", "ns")["metadata"]["annotations"][
            networks_annotation.NETWORK_STATUS
        ]
        assert ["late"] == [entry["name"] for entry in json.loads(text)]

    run(story)
