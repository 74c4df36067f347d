"""Pods without secondary networks while the daemon is stopped: the shim attaches them without it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo.demo_node import DEFAULT_NETWORK
from netattach_core.cni import request as cni_request
from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Feature
from support.build import shim_of_another_release
from support.node import NETWORKS, CnitoolNode
from support.shim_calls import (
    NOTHING,
    TRY_AGAIN,
    error_of,
    left_on,
    primary_path,
    recompiled,
    sandbox,
)
from support.waiting import PATIENCE, eventually

RECORDER = """#!/bin/sh
# Records how it was called, and prints the previous result, or one of its own.
read -r stdin
printf '%s\\n' "{{\\"env\\":\\"$CNI_COMMAND|$CNI_CONTAINERID|$CNI_NETNS|$CNI_IFNAME|$CNI_ARGS\\",\\"stdin\\":$stdin}}" >> {log}
[ "$CNI_COMMAND" = ADD ] && echo '{{"cniVersion":"1.0.0","ips":[{{"address":"10.9.0.2/24"}}]}}'
exit 0
"""


@pytest.fixture
def node(daemonless: CnitoolNode) -> CnitoolNode:
    """Its daemon is stopped unless the test starts it."""
    return daemonless


def test_a_pod_is_attached_and_deleted(node: CnitoolNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without waiting for a daemon, with interface, address and route of the default network."""
    monkeypatch.setenv("NETATTACH_WAIT_MS", f"{2 * PATIENCE * 1000:.0f}")
    started = time.monotonic()
    with node.pod() as pod:
        result = node.add(pod)

        assert "1.0.0" == result["cniVersion"]
        assert [result["ips"][0]["address"]] == node.addresses(pod, "eth0")
        assert "default via 10.244.1.1 dev eth0" in node.in_pod(pod, "ip", "route")
        assert ["cbr0/" + result["ips"][0]["address"].split("/")[0]] == node.leases()
        assert 1 == len(node.records())
        node.call("check", pod).check_returncode()
        node.delete(pod)

        assert ["lo"] == node.link_names(pod)
        assert NOTHING == left_on(node)
    assert time.monotonic() - started < PATIENCE


def test_delete_twice_waits_for_the_daemon(node: CnitoolNode) -> None:
    """An unknown sandbox is no success without it: it may belong to another meta-plugin, such as Multus."""
    with node.pod() as pod:
        node.add(pod)
        node.delete(pod)

        assert TRY_AGAIN == error_of(node, "DEL", pod)["code"]


def test_delete_without_the_namespace_releases_the_lease(node: CnitoolNode) -> None:
    """After a reboot of the node."""
    with node.pod() as pod:
        node.add(pod)

    node.delete(pod)

    assert NOTHING == left_on(node)


@pytest.mark.parametrize(
    "annotations",
    [
        {NETWORKS: "mac"},
        {NETWORKS: ""},
        {"v1.multus-cni.io/default-network": "other"},
        {"other": "x", NETWORKS: "mac"},
    ],
)
def test_a_pod_with_secondary_networks_waits_for_the_daemon(
    node: CnitoolNode, annotations: dict[str, str]
) -> None:
    """Then it fails with code 11, and nothing was started."""
    with node.pod() as pod:
        pod.annotations.update(annotations)

        assert TRY_AGAIN == error_of(node, "ADD", pod)["code"]
        assert ["lo"] == node.link_names(pod)


@pytest.mark.parametrize(
    "annotations",
    [
        '{"k8s.v1.cni.cncf.io\\/networks": "mac"}',
        '{"\\u006b8s.v1.cni.cncf.io/networks": "mac"}',
        '{"a\\\\b": ""}',
        "null",
        "[]",
        '{}, "io.kubernetes.cri.pod-annotations": {}',
        '{"a": "b",}',
    ],
)
def test_ambiguous_annotations_need_the_daemon(node: CnitoolNode, annotations: str) -> None:
    """A key with an escape may be any key; annotations that are no object, or exist twice, are not clear."""
    text = f'{{"cniVersion":"1.0.0","runtimeConfig":{{"{cni_request.POD_ANNOTATIONS}": {annotations}}}}}'
    with node.pod() as pod:
        assert TRY_AGAIN == error_of(node, "ADD", pod, stdin=text)["code"]
        assert ["lo"] == node.link_names(pod)


@pytest.mark.parametrize(
    "value", ["k8s.v1.cni.cncf.io/networks", '{"k8s.v1.cni.cncf.io/networks":"a"}', 'a\n"é\\']
)
def test_a_value_that_contains_the_key_is_no_annotation(node: CnitoolNode, value: str) -> None:
    """Such as last-applied-configuration of kubectl."""
    with node.pod() as pod:
        pod.annotations["record"] = value
        node.add(pod)
        node.delete(pod)


class TestWhichChain:
    def test_a_changed_default_network_is_not_used(self, node: CnitoolNode) -> None:
        """Until the daemon has compiled it; one that was changed back is used."""
        config = node.stage.paths.conf_dir / "10-default.conflist"
        with node.pod() as pod:
            config.write_text(DEFAULT_NETWORK.replace("10.244.1", "10.244.2"))
            assert TRY_AGAIN == error_of(node, "ADD", pod)["code"]
            config.write_text(DEFAULT_NETWORK)
            node.add(pod)
            node.delete(pod)

    @pytest.mark.parametrize(
        ("name", "code"), [("05-new.conf", TRY_AGAIN), ("20-new.conf", 0), ("05-new.txt", 0)]
    )
    def test_a_file_that_sorts_first_needs_the_daemon(self, node: CnitoolNode, name: str, code: int) -> None:
        """It may be another default network; one that sorts after it changes nothing."""
        new = node.stage.paths.conf_dir / name
        with node.pod() as pod:
            new.write_text("{}")
            try:
                assert code == (error_of(node, "ADD", pod)["code"] if code else node.add(pod) and 0)
            finally:
                new.unlink()
                if not code:
                    node.delete(pod)

    def test_delete_uses_the_chain_of_the_add(self, node: CnitoolNode) -> None:
        """The default network has changed since; the lease is released in that of the ADD."""
        config = node.stage.paths.conf_dir / "10-default.conflist"
        with node.pod() as pod:
            node.add(pod)
            config.write_text(DEFAULT_NETWORK.replace('"cbr0","plugins"', '"other","plugins"'))
            try:
                node.delete(pod)
            finally:
                config.write_text(DEFAULT_NETWORK)

            assert NOTHING == left_on(node)

    def test_a_directory_with_more_plugins_needs_the_daemon(self, node: CnitoolNode) -> None:
        """Also where it is empty."""
        beside = node.stage.paths.conf_dir / "cbr0"
        beside.mkdir()
        with node.pod() as pod:
            try:
                assert TRY_AGAIN == error_of(node, "ADD", pod)["code"]
            finally:
                beside.rmdir()

    def test_settings_may_leave_all_pods_to_the_daemon(self, node: CnitoolNode) -> None:
        """Where every pod, or those of some namespaces, get default networks."""
        with recompiled(node, features=frozenset({Feature.RESULT})), node.pod() as pod:
            assert TRY_AGAIN == error_of(node, "ADD", pod)["code"]
        with recompiled(node, except_namespaces=("shop", "default")), node.pod() as pod:
            assert TRY_AGAIN == error_of(node, "ADD", pod)["code"]
        with recompiled(node, features=frozenset(), except_namespaces=("default",)), node.pod() as pod:
            node.add(pod)
            node.delete(pod)
        with recompiled(node, except_namespaces=("shop",)), node.pod() as pod:
            node.add(pod)
            node.delete(pod)

    def test_a_conflist_in_another_version_needs_the_daemon(self, node: CnitoolNode) -> None:
        """The daemon converts the result; the shim cannot."""
        with node.pod() as pod:
            assert TRY_AGAIN == error_of(node, "ADD", pod, version="0.4.0")["code"]

    def test_a_chain_of_another_release_is_not_used(self, node: CnitoolNode) -> None:
        """Neither a new shim uses an old file, nor an old shim a new one. The daemon deletes with any."""
        path = primary_path(node)
        data = path.read_bytes()
        with node.pod() as pod:
            path.write_bytes(data.replace(b"\1\0\0\x001", b"\1\0\0\x002", 1))
            assert TRY_AGAIN == error_of(node, "ADD", pod)["code"]
            path.write_bytes(data)
            node.add(pod)
            other = shim_of_another_release()
            assert TRY_AGAIN == error_of(node, "DEL", pod, shim=other)["code"]
            with node.stage.daemon():
                assert {} == error_of(node, "DEL", pod, shim=other, wait_ms=9000)
            assert NOTHING == left_on(node)

    @pytest.mark.parametrize("data", [b"", b"garbage", b"\xff" * 400])
    def test_a_broken_chain_is_not_used(self, node: CnitoolNode, data: bytes) -> None:
        """Truncated by a full disk, or overwritten."""
        path = primary_path(node)
        whole = path.read_bytes()
        try:
            for broken in (data, whole[: len(whole) // 2], whole[:-1]):
                path.write_bytes(broken)
                with node.pod() as pod:
                    assert TRY_AGAIN == error_of(node, "ADD", pod)["code"]
        finally:
            path.write_bytes(whole)


def test_plugins_get_the_same_input_as_from_the_daemon(
    node: CnitoolNode, primary: Callable[..., None], script: Callable[[str, str], str], tmp_path: Path
) -> None:
    """ADD, CHECK and DEL: environment and standard input, with its own capabilities only and the previous result."""
    log = tmp_path / "log"
    script("recorder", RECORDER.format(log=log))
    primary(
        [
            {"type": "recorder", "mtu": 1400, "capabilities": {"bandwidth": True, "ips": False}},
            {"type": "recorder", "capabilities": {"portMappings": True, cni_request.POD_ANNOTATIONS: True}},
        ]
    )
    offered = {
        "portMappings": [{"hostPort": 80, "x": "é\\"}],
        "bandwidth": {"ingressRate": 1},
        "ips": ["10.0.0.1"],
    }

    def recorded(*, alone: bool) -> list[Any]:
        log.unlink(missing_ok=True)
        with node.pod() as pod:
            for verb in ("ADD", "CHECK", "DEL"):
                assert {} == error_of(node, verb, pod, offered=offered, hand_over=alone, wait_ms=9000)
            text = (
                log.read_text()
                .replace(pod.name, "POD")
                .replace(pod.uid, "UID")
                .replace(sandbox(pod), "SANDBOX")
            )
            calls = map(json.loads, text.splitlines())
            return [call for call in calls if not call["env"].startswith("VERSION")]

    alone = recorded(alone=True)
    with node.stage.daemon():
        daemons = recorded(alone=False)

    assert 6 == len(alone)
    assert daemons == alone


class TestTheDaemonAfterwards:
    def test_it_writes_the_status_of_pods_that_were_attached_without_it(self, node: CnitoolNode) -> None:
        """Once, and also of a pod that was attached while it runs."""
        with node.pod() as early, node.pod() as late:
            node.add(early)
            with node.stage.daemon():
                node.add(late)
                eventually(lambda: None not in (node.status_text(early), node.status_text(late)))
                assert [node.addresses(early, "eth0")[0].split("/")[0]] == node.status(early)[0]["ips"]
                assert ("cbr0", "eth0", True) == tuple(
                    node.status(late)[0][k] for k in ("name", "interface", "default")
                )
            records = [
                (node.stage.paths.ledger / "chains/plain" / name).read_bytes() for name in node.records()
            ]
            assert [True, True] == [compiled_chain.parse_record(record).status_written for record in records]
            node.delete(early)
            node.delete(late)

    def test_it_deletes_and_checks_what_the_shim_attached(self, node: CnitoolNode) -> None:
        """Where the shim cannot read the sandbox file."""
        with node.pod() as pod:
            node.add(pod)
            other = shim_of_another_release()
            with node.stage.daemon():
                assert {} == error_of(node, "CHECK", pod, shim=other, wait_ms=9000)
                assert "is attached already" in error_of(node, "ADD", pod, shim=other, wait_ms=9000)["msg"]
                assert {} == error_of(node, "DEL", pod, shim=other, wait_ms=9000)
            assert ["lo"] == node.link_names(pod)
            assert NOTHING == left_on(node)
