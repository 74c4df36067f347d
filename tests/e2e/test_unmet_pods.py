"""Pods that run without a network that they ask for: each is reported, and no other pod is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from e2e.daemons import NODES, daemon_down
from e2e.lab.cluster import Cluster
from e2e.objects import HOST_LOCAL, NETWORKS, config, created, leftovers, links, nad, pod, wait_webhooks

REPORTED_SECONDS = 10.0
"""In which a daemon reports what it finds when it has become ready."""

CONF = "/etc/cni/net.d/00-netattach.conflist"


@pytest.fixture
def running(installed: Cluster) -> Iterator[Cluster]:
    """With a network; nothing may be left after the test."""
    created(installed, nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    yield installed
    installed.kubectl("delete", "pods,network-attachment-definitions", "--all")
    for name in NODES:
        installed.eventually(partial(_reports_nothing, installed, name), f"nothing is reported of {name}")
    with contextlib.suppress(AssertionError):  # the next line shows what is left
        installed.eventually(
            lambda: not any(leftovers(installed, name) for name in NODES), "everything is released"
        )
    assert {} == {name: left for name in NODES if (left := leftovers(installed, name))}


def _inventory(cluster: Cluster, node: str) -> dict[str, Any]:
    status: dict[str, Any] = cluster.read("nodenetworkinventory", node)["status"]
    return status


def _unmet(cluster: Cluster, node: str) -> dict[str, str]:
    """The reasons by pod."""
    reported = _inventory(cluster, node).get("unmetPods") or {"pods": []}
    return {each["name"]: each["reason"] for each in reported["pods"]}


def _reports_nothing(cluster: Cluster, node: str) -> bool:
    return _unmet(cluster, node) == {}


def _delete_net1(cluster: Cluster, node: str) -> None:
    """Of the only pod of the node that has it."""
    cluster.node(node).sh(
        "for n in /run/netns/*; do nsenter --net=$n ip link delete net1 2>/dev/null && exit 0; done; exit 1"
    )


@pytest.mark.parametrize("node", NODES)
def test_an_interface_that_a_running_pod_loses(running: Cluster, node: str) -> None:
    created(running, pod("loser", "second", node=node))
    running.wait_ready("loser")
    running.eventually(
        lambda: (
            _inventory(running, node)["attached"]["networks"]
            == [{"network": "default/second", "pods": 1, "outdated": 0}]
        ),
        "the pod is counted",
    )
    _delete_net1(running, node)

    running.eventually(lambda: _unmet(running, node) == {"loser": "InterfaceMissing"}, "it is reported")
    running.eventually(
        lambda: "lost interface net1 of network default/second" in running.events("loser", "NetworkMissing"),
        "the event",
    )
    running.kubectl("delete", "pod", "loser")
    running.eventually(lambda: _unmet(running, node) == {}, "it is reported no more")


def test_a_pod_that_was_started_without_netattach(running: Cluster) -> None:
    """With another CNI config, while no daemon was there. Other pods are not reported."""
    node = running.node("node1")
    host = pod("host", "second")
    host["spec"]["hostNetwork"] = True
    created(running, pod("before", "second"), host)
    for name in ("before", "host"):
        running.wait_ready(name)
    with daemon_down(running):
        node.sh(f"mv {CONF} /etc/cni/hidden.conflist")
        time.sleep(2)  # the runtime notices it
        created(running, pod("missed", "second"))
        running.wait_ready("missed")
        assert ["lo", "eth0"] == links(running, "missed")
        node.sh(f"mv /etc/cni/hidden.conflist {CONF}")
    running.eventually(
        lambda: _unmet(running, "node1") == {"missed": "NotAttached"},
        "it is reported",
        seconds=REPORTED_SECONDS,
    )
    running.eventually(
        lambda: "not attached to default/second" in running.events("missed", "NetworkMissing"), "the event"
    )
    assert "" == running.events("before", "NetworkMissing") + running.events("host", "NetworkMissing")


def test_an_annotation_that_asks_for_more_later(running: Cluster) -> None:
    created(running, pod("plain"), pod("wired", "second"))
    for name, networks in (("plain", "second"), ("wired", "second,second")):
        running.wait_ready(name)
        running.kubectl("annotate", "--overwrite", "pod", name, f"{NETWORKS}={networks}")

    reasons = dict.fromkeys(("plain", "wired"), "AnnotationChanged")
    with contextlib.suppress(AssertionError):  # the next line shows what is reported
        running.eventually(lambda: _unmet(running, "node1") == reasons, "both are reported")
    assert reasons == _unmet(running, "node1")
    running.kubectl("annotate", "--overwrite", "pod", "wired", f"{NETWORKS}=second")
    running.kubectl("annotate", "pod", "plain", f"{NETWORKS}-")
    running.eventually(lambda: _unmet(running, "node1") == {}, "neither is")


def test_after_a_reboot_no_pod_is_without_its_networks_or_reported_wrongly(running: Cluster) -> None:
    """Power is cut with pods running. Each gets its networks again, before or after the daemon is there."""
    names = [f"web-{number}" for number in range(3)]
    created(running, *(pod(name, "second", node="node2") for name in names))
    for name in names:
        running.wait_ready(name)
    before = _inventory(running, "node2")
    running.reboot("node2")
    wait_webhooks(running)

    def attached() -> bool:
        return bool(_inventory(running, "node2").get("attached", {}).get("pods") == len(names))

    running.eventually(
        lambda: _inventory(running, "node2")["bootID"] != before["bootID"], "another boot", seconds=180
    )
    running.eventually(lambda: _probe(running, "node2")["succeeded"], "a probe of this boot", seconds=60)
    for name in names:
        running.eventually(partial(_has_network, running, name), f"{name} is attached", seconds=180, every=1)
    running.eventually(attached, "all are counted")
    time.sleep(2 * REPORTED_SECONDS)
    assert {} == _unmet(running, "node2")
    assert "" == "".join(running.events(name, "NetworkMissing") for name in names)


def _has_network(cluster: Cluster, name: str) -> bool:
    """False while its container does not run."""
    with contextlib.suppress(RuntimeError):
        return "net1" in links(cluster, name)
    return False


def _probe(cluster: Cluster, node: str) -> dict[str, Any]:
    """That of the present boot, which has not succeeded before its end."""
    found = _inventory(cluster, node)
    probe: dict[str, Any] = found.get("probe") or {}
    return probe if probe.get("bootID") == found["bootID"] else {"succeeded": False}


def _probed(cluster: Cluster, node: str, since: str = "") -> bool:
    """Whether a probe has succeeded, later than another one."""
    found = _probe(cluster, node)
    return bool(found["succeeded"] and found["time"] > since)


def test_the_inventories_say_what_the_kernels_can_make(installed: Cluster) -> None:
    for name in NODES:
        installed.eventually(partial(_probed, installed, name), f"a probe of {name}", seconds=60)
    kinds = {name: set(_inventory(installed, name)["linkKinds"]) for name in NODES}

    assert {"bridge", "macvlan", "veth"} <= kinds["node1"] & kinds["node2"]
    assert {"dummy", "ipvlan", "vlan", "vrf"} <= kinds["node2"]
    for name in NODES:
        for kind in ("dummy", "ipvlan"):
            made = installed.node(name).result(
                f"ip link add tried0 type {kind} 2>/dev/null && ip link delete tried0"
                if kind == "dummy"
                else "ip link add link eth1 name tried0 type ipvlan 2>/dev/null && ip link delete tried0"
            )
            assert (made.returncode == 0) == (kind in kinds[name])


def test_a_daemon_that_is_restarted_is_probed_again(installed: Cluster) -> None:
    words = ("--namespace", "netattach-node", "daemonset/netattach-daemon")
    before = {name: _probe(installed, name)["time"] for name in NODES}
    installed.kubectl("rollout", "restart", *words)
    installed.kubectl("rollout", "status", *words, "--timeout=120s")

    for name in NODES:
        installed.eventually(
            partial(_probed, installed, name, before[name]),
            f"another probe of {name}",
        )
        assert "tried0" not in installed.node(name).sh("ip -o link")
