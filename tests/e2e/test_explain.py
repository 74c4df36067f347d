"""A pod that fails on a real cluster is explained truly, one that runs has its durations, and the graph has the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.lab.cluster import Cluster
from e2e.netattach_command import Netattach
from e2e.objects import HOST_LOCAL, config, created, nad, pod

NETWORK = "explain-lan"
FULL_NAME = f"default/{NETWORK}"
PLUGIN = "/opt/cni/bin/sbr"


@pytest.fixture
def netattach() -> Netattach:
    return Netattach()


@pytest.fixture
def broken(installed: Cluster) -> Iterator[Cluster]:
    """A network whose second plugin is removed from node2 after admission."""
    chain = [{"type": "macvlan", "master": "eth1", "ipam": HOST_LOCAL}, {"type": "sbr"}]
    created(installed, nad(NETWORK, config(plugins=chain)))
    installed.node("node2").sh(f"mv {PLUGIN} {PLUGIN}.away")
    yield installed
    installed.node("node2").sh(f"mv {PLUGIN}.away {PLUGIN}")
    installed.kubectl("delete", "pods", "--all", "--grace-period=1")
    installed.kubectl("delete", "network-attachment-definitions", "--all")


def test_a_plugin_that_is_removed_is_the_cause(broken: Cluster, netattach: Netattach) -> None:
    created(broken, pod("explain-web", NETWORK, node="node2"))

    def causes() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = netattach.data("explain", "pod/explain-web", "-n", "default")["causes"]
        return found

    broken.eventually(lambda: [each["plugin"] for each in causes()] == ["sbr"], "the plugin is the cause")
    (cause,) = causes()
    assert ("PluginMissing", "plugin", FULL_NAME, "net1") == (
        cause["cause"],
        cause["phase"],
        cause["network"],
        cause["interface"],
    )
    calls = netattach.data("explain", "explain-web", "-n", "default")["calls"]
    assert [False] == [call["succeeded"] for call in calls]
    assert {"resolve", "plan"} <= set(calls[0]["phases"])
    assert 1 == netattach.run("explain", "explain-web", "-n", "default").returncode

    page = netattach.run("graph", "-n", "default").stdout
    assert FULL_NAME in page
    broken.eventually(
        lambda: "PluginMissing" in netattach.run("graph", "-n", "default").stdout, "the graph has the reason"
    )


def test_a_pod_that_runs_has_what_its_attachment_took(installed: Cluster, netattach: Netattach) -> None:
    created(installed, nad(NETWORK, config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    created(installed, pod("explain-web", NETWORK))
    installed.wait_ready("explain-web")
    try:
        installed.eventually(
            lambda: netattach.data("explain", "explain-web", "-n", "default")["calls"], "its Event is written"
        )
        found = netattach.data("explain", "explain-web", "-n", "default")
        assert (True, []) == (found["attached"], found["causes"])
        assert found["calls"][0]["succeeded"]
        assert FULL_NAME in found["calls"][0]["networks"]
        assert 0 == netattach.run("explain", "explain-web", "-n", "default").returncode
    finally:
        installed.kubectl("delete", "pods", "--all", "--grace-period=1")
        installed.kubectl("delete", "network-attachment-definitions", "--all")
