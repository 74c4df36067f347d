"""A release of the Helm chart, from its archive: installed, upgraded, rolled back and uninstalled, with one command each."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e import release
from e2e.lab import process
from e2e.lab.cluster import CONFIG_MAP, CONTROL, NODE, Cluster
from e2e.lab.places import KUBECONFIG
from e2e.objects import HOST_LOCAL, config, created, leftovers, links, nad, pod, wait_webhooks
from e2e.release import SECONDS, Release
from netattach_core.cni import netattach_conf
from support import require
from support.chart import CHART

NODES = ("node1", "node2")
MINE = "statusForPlainPods: never\n"
BIN = "/opt/cni/bin"
TIMEOUT = "--timeout=240s"
"""For machines that are busy."""


def helm(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return process.run(require.helm(), "--kubeconfig", KUBECONFIG, *words, check=check)


def install(cluster: Cluster, chart: Path) -> None:
    """Until all programs are ready. For Helm a DaemonSet is when at most `maxUnavailable` of its pods are not."""
    helm("install", "netattach", str(chart), "--wait", TIMEOUT)
    rolled_out(cluster)


@pytest.fixture(scope="module")
def empty(loaded: Cluster) -> Iterator[Cluster]:
    """Nothing is installed. Afterwards, what was installed by kubectl is installed again."""
    before = loaded.installed
    if before:
        loaded.kubectl("delete", "pods,network-attachment-definitions", "--all")
        loaded.uninstall()
    yield loaded
    helm("uninstall", "netattach", "--wait", "--ignore-not-found", TIMEOUT)
    if before:
        loaded.install()


@pytest.fixture(scope="module")
def seconds(empty: Cluster, dist: Release) -> float:
    """From the command to install the archive of a release until all programs are ready."""
    empty.load(dist.image)
    install(empty, dist.chart)
    return release.seconds_to_ready(empty)


@pytest.fixture
def released(empty: Cluster, dist: Release, seconds: float) -> Cluster:
    """The first revision of the release, with a pod that has a second network on each node."""
    if not empty.installed:
        install(empty, dist.chart)
    if not empty.exists("nad", "second"):
        created(empty, nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    names = [f"released-{node}" for node in NODES]
    missing = [name for name in names if not empty.exists("pod", name)]
    for name in missing:
        created(empty, pod(name, "second", node=name.partition("-")[2]))
    for name in names:
        empty.wait_ready(name)
    return empty


def settings(cluster: Cluster) -> str:
    data: dict[str, str] = cluster.read("configmap", CONFIG_MAP, NODE).get("data", {})
    return data.get("config.yaml", "")


def webhook(cluster: Cluster) -> dict[str, Any]:
    (found,) = [
        each
        for each in cluster.read("validatingwebhookconfiguration", "netattach")["webhooks"]
        if each["name"] == "nads.netattach.io"
    ]
    return dict(found)


def refused(cluster: Cluster) -> str:
    """What kubectl prints for a broken network."""
    broken = json.dumps(nad("broken", "{,}"))
    return cluster.kubectl("create", "-f", "-", input=broken, check=False).stderr


def rolled_out(cluster: Cluster) -> None:
    cluster.wait_installed()
    wait_webhooks(cluster)


def configurations(cluster: Cluster, node: str) -> list[str]:
    """The first two files of the node's CNI config directory."""
    return sorted(cluster.node(node).sh("ls /etc/cni/net.d").split())[:2]


def test_an_installation_is_ready_within_a_minute(seconds: float) -> None:
    assert seconds <= SECONDS


def test_an_installation_attaches_pods_and_refuses_broken_networks(released: Cluster) -> None:
    for node in NODES:
        assert ["lo", "eth0", "net1"] == links(released, f"released-{node}")
        assert [netattach_conf.FILE_NAME, "10-default.conflist"] == configurations(released, node)
    assert 'admission webhook "nads.netattach.io" denied the request' in refused(released)


def test_helm_test_succeeds_and_leaves_nothing(released: Cluster) -> None:
    assert "helm test netattach\n" in helm("get", "notes", "netattach").stdout
    assert "Succeeded" in helm("test", "netattach", TIMEOUT).stdout
    kinds = "pods,serviceaccounts,roles,rolebindings,networkpolicies,clusterroles,clusterrolebindings"
    names = {each["metadata"]["name"] for each in released.objects(kinds, "--all-namespaces")}
    assert "netattach-operator" in names
    assert "netattach-verify" not in names


def test_an_upgrade_keeps_what_was_edited_and_what_the_operator_wrote(released: Cluster) -> None:
    released.patch_settings(MINE)
    ca = webhook(released)["clientConfig"]["caBundle"]

    helm("upgrade", "netattach", str(CHART), "--set=operator.resources.requests.cpu=21m", "--wait", TIMEOUT)

    rolled_out(released)
    assert MINE == settings(released)
    assert ca == webhook(released)["clientConfig"]["caBundle"]
    assert 'admission webhook "nads.netattach.io" denied the request' in refused(released)
    operator = released.read("deployment", "netattach-operator", CONTROL)["spec"]["template"]["spec"]
    assert "21m" == operator["containers"][0]["resources"]["requests"]["cpu"]


def test_settings_that_are_values_win_and_a_rollback_removes_them(released: Cluster) -> None:
    released.patch_settings(MINE)

    helm("upgrade", "netattach", str(CHART), "--set=settings.statusForPlainPods=async", "--wait", TIMEOUT)
    assert {"statusForPlainPods": "async"} == yaml.safe_load(settings(released))

    helm("rollback", "netattach", "1", "--wait", TIMEOUT)
    rolled_out(released)
    assert "" == settings(released)
    for node in NODES:
        assert ["lo", "eth0", "net1"] == links(released, f"released-{node}")


@pytest.fixture
def plugins_loaded(released: Cluster, image: Path, tmp_path: Path) -> Iterator[Cluster]:
    """With the image of the reference plugins on the nodes, which lack one of them."""
    tools, archive = require.REPOSITORY / "tools", tmp_path / "netattach-plugins.tar"
    plugins = process.run(tools / "cni-plugins", "--pinned").stdout.strip()
    process.run(sys.executable, tools / "plugins_image.py", image, plugins, archive)
    released.load(archive)
    for node in NODES:
        released.node(node).sh(f"cd {BIN}; mv dummy .dummy")
    yield released
    for node in NODES:
        released.node(node).sh(f"cd {BIN}; [ -e dummy ] || mv .dummy dummy; rm -f .dummy")


def test_the_plugin_installer_adds_what_a_node_lacks_and_changes_nothing_else(
    plugins_loaded: Cluster,
) -> None:
    listing = f"cd {BIN}; stat -c '%n %i %Y %s' * | grep -v ^dummy"
    nodes = [plugins_loaded.node(node) for node in NODES]
    before = [node.sh(listing) for node in nodes]

    helm("upgrade", "netattach", str(CHART), "--set=pluginInstaller.enabled=true", "--wait", TIMEOUT)
    rolled_out(plugins_loaded)

    assert before == [node.sh(listing) for node in nodes]
    for node in nodes:
        assert 0 == node.result(f"cd {BIN}; cmp dummy .dummy && test -x dummy").returncode


def test_values_that_the_api_server_would_refuse_change_nothing(released: Cluster) -> None:
    before = json.loads(helm("list", "--output=json").stdout)

    done = helm("upgrade", "netattach", str(CHART), "--set=platform=k3", check=False)

    assert "/platform" in done.stderr
    assert before == json.loads(helm("list", "--output=json").stdout)


def test_an_uninstall_leaves_networks_and_running_pods_and_no_object_of_the_release(
    released: Cluster,
) -> None:
    helm("uninstall", "netattach", "--wait", TIMEOUT)

    assert [] == json.loads(helm("list", "--all", "--output=json").stdout)
    kinds = (
        *("namespaces", "clusterroles", "clusterrolebindings"),
        *("validatingwebhookconfigurations", "mutatingwebhookconfigurations"),
        *("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
    )
    label = "--selector=app.kubernetes.io/part-of=netattach"
    assert [] == released.objects(",".join(kinds), label)
    assert released.exists("nad", "second")
    assert released.exists("crd", "network-attachment-definitions.k8s.cni.cncf.io")
    for node in NODES:
        assert ["lo", "eth0", "net1"] == links(released, f"released-{node}")
        assert [netattach_conf.UNINSTALL_FILE_NAME, "10-default.conflist"] == configurations(released, node)
        created(released, pod(f"plain-{node}", node=node))
        released.wait_ready(f"plain-{node}")
        assert ["lo", "eth0"] == links(released, f"plain-{node}")
    released.kubectl("delete", "pods", "--all")
    released.eventually(lambda: not any(leftovers(released, node) for node in NODES), "pods are detached")
    for node in NODES:
        assert "netattach" in released.node(node).sh(f"ls {BIN}").split()
    released.kubectl("delete", "network-attachment-definitions", "--all")
