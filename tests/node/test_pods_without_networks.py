"""Plain pods, while the daemon is stopped: what the shim does alone, seen in the kernel, in host-local's store and on disk."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo.stage import DEFAULT_NETWORK
from netattach_core.cni import request as cni_request
from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Feature
from support.build import shim_of_another_release
from support.node import NETWORKS, Node
from support.plain import (
    NOTHING,
    TRY_AGAIN,
    error_of,
    eventually,
    left_on,
    primary_path,
    recompiled,
    sandbox,
)

RECORDER = """#!/bin/sh
# Records how it was called, and answers with the result before it, or with one of its own.
read -r stdin
printf '%s\\n' "{{\\"env\\":\\"$CNI_COMMAND|$CNI_CONTAINERID|$CNI_NETNS|$CNI_IFNAME|$CNI_ARGS\\",\\"stdin\\":$stdin}}" >> {log}
[ "$CNI_COMMAND" = ADD ] && echo '{{"cniVersion":"1.0.0","ips":[{{"address":"10.9.0.2/24"}}]}}'
exit 0
"""


@pytest.fixture
def node(daemonless: Node) -> Node:
    """Its daemon is stopped, where the test does not start it."""
    return daemonless


def test_a_plain_pod_comes_and_goes(node: Node) -> None:
    """At once, with the default network's interface, address and route, and the result in our conf's version."""
    started = time.monotonic()
    with node.pod() as pod:
        result = node.add(pod)

        assert "1.0.0" == result["cniVersion"]
        assert [result["ips"][0]["address"]] == node.addresses(pod, "eth0")
        assert "default via 10.244.1.1 dev eth0" in node.in_pod(pod, "ip", "route")
        assert ["cbr0/" + result["ips"][0]["address"].split("/")[0]] == node.leases()
        assert 1 == len(node.notes())
        node.call("check", pod).check_returncode()
        node.delete(pod)

        assert ["lo"] == node.link_names(pod)
        assert NOTHING == left_on(node)
    assert time.monotonic() - started < 5


def test_delete_twice_waits_for_the_daemon(node: Node) -> None:
    """A sandbox that nobody knows is no success without it: it may be another's, a Multus' one for instance."""
    with node.pod() as pod:
        node.add(pod)
        node.delete(pod)

        assert TRY_AGAIN == error_of(node, "DEL", pod)["code"]


def test_delete_without_the_namespace_frees_the_lease(node: Node) -> None:
    """The node was rebooted."""
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
def test_a_pod_that_selects_waits_for_the_daemon(node: Node, annotations: dict[str, str]) -> None:
    """Then fails with code 11, and nothing was begun."""
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
def test_what_cannot_be_told_for_certain_is_the_daemons(node: Node, annotations: str) -> None:
    """A key with an escape may be any key; annotations that are none, or there twice, say nothing."""
    text = f'{{"cniVersion":"1.0.0","runtimeConfig":{{"{cni_request.POD_ANNOTATIONS}": {annotations}}}}}'
    with node.pod() as pod:
        assert TRY_AGAIN == error_of(node, "ADD", pod, stdin=text)["code"]
        assert ["lo"] == node.link_names(pod)


@pytest.mark.parametrize(
    "value", ["k8s.v1.cni.cncf.io/networks", '{"k8s.v1.cni.cncf.io/networks":"a"}', 'a\n"é\\']
)
def test_what_only_speaks_of_networks_is_plain(node: Node, value: str) -> None:
    """As kubectl's last-applied-configuration of a Deployment may."""
    with node.pod() as pod:
        pod.annotations["note"] = value
        node.add(pod)
        node.delete(pod)


class TestWhichChain:
    def test_a_primary_that_was_changed_is_not_used(self, node: Node) -> None:
        """Before the daemon has compiled it anew; one that was changed back is."""
        conf = node.stage.places.conf_dir / "10-default.conflist"
        with node.pod() as pod:
            conf.write_text(DEFAULT_NETWORK.replace("10.244.1", "10.244.2"))
            assert TRY_AGAIN == error_of(node, "ADD", pod)["code"]
            conf.write_text(DEFAULT_NETWORK)
            node.add(pod)
            node.delete(pod)

    @pytest.mark.parametrize(
        ("name", "code"), [("05-new.conf", TRY_AGAIN), ("20-new.conf", 0), ("05-new.txt", 0)]
    )
    def test_a_file_that_came_before_makes_the_choice_the_daemons(
        self, node: Node, name: str, code: int
    ) -> None:
        """It may be another network; one that comes behind changes nothing."""
        new = node.stage.places.conf_dir / name
        with node.pod() as pod:
            new.write_text("{}")
            try:
                assert code == (error_of(node, "ADD", pod)["code"] if code else node.add(pod) and 0)
            finally:
                new.unlink()
                if not code:
                    node.delete(pod)

    def test_delete_goes_by_the_bytes_of_add(self, node: Node) -> None:
        """The default network is another one by then; the lease is freed in the one of ADD."""
        conf = node.stage.places.conf_dir / "10-default.conflist"
        with node.pod() as pod:
            node.add(pod)
            conf.write_text(DEFAULT_NETWORK.replace('"cbr0","plugins"', '"other","plugins"'))
            try:
                node.delete(pod)
            finally:
                conf.write_text(DEFAULT_NETWORK)

            assert NOTHING == left_on(node)

    def test_more_plugins_in_a_directory_beside_make_it_another_chain(self, node: Node) -> None:
        """Which the daemon reads; an empty directory is enough to ask it."""
        beside = node.stage.places.conf_dir / "cbr0"
        beside.mkdir()
        with node.pod() as pod:
            try:
                assert TRY_AGAIN == error_of(node, "ADD", pod)["code"]
            finally:
                beside.rmdir()

    def test_settings_may_leave_plain_pods_to_the_daemon(self, node: Node) -> None:
        """Where networks are added to every pod, or to those of a namespace."""
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

    def test_a_conf_in_another_version_is_the_daemons(self, node: Node) -> None:
        """It converts the result; we cannot."""
        with node.pod() as pod:
            assert TRY_AGAIN == error_of(node, "ADD", pod, version="0.4.0")["code"]

    def test_a_chain_of_another_release_is_not_used(self, node: Node) -> None:
        """Either way round: a new shim on an old file, and an old shim on a new one. The daemon deletes by any."""
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
    def test_a_broken_chain_is_not_used(self, node: Node, data: bytes) -> None:
        """Cut off by a full disk, or overwritten."""
        path = primary_path(node)
        whole = path.read_bytes()
        try:
            for broken in (data, whole[: len(whole) // 2], whole[:-1]):
                path.write_bytes(broken)
                with node.pod() as pod:
                    assert TRY_AGAIN == error_of(node, "ADD", pod)["code"]
        finally:
            path.write_bytes(whole)


def test_plugins_are_told_what_the_daemon_would_tell_them(
    node: Node, primary: Callable[..., None], script: Callable[[str, str], str], tmp_path: Path
) -> None:
    """ADD, CHECK and DEL: each plugin's variables and standard input, its own capabilities only, the result before it."""
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
    def test_it_tells_the_status_of_what_was_attached_without_it(self, node: Node) -> None:
        """Once, and also of a pod that came while it was there."""
        with node.pod() as early, node.pod() as late:
            node.add(early)
            with node.stage.daemon():
                node.add(late)
                eventually(lambda: None not in (node.status_text(early), node.status_text(late)))
                assert [node.addresses(early, "eth0")[0].split("/")[0]] == node.status(early)[0]["ips"]
                assert ("cbr0", "eth0", True) == tuple(
                    node.status(late)[0][k] for k in ("name", "interface", "default")
                )
            notes = [(node.stage.places.ledger / "chains/plain" / name).read_bytes() for name in node.notes()]
            assert [True, True] == [compiled_chain.parse_note(note).status_written for note in notes]
            node.delete(early)
            node.delete(late)

    def test_it_deletes_and_checks_what_the_shim_noted(self, node: Node) -> None:
        """Where the call comes over a shim that cannot read the note."""
        with node.pod() as pod:
            node.add(pod)
            other = shim_of_another_release()
            with node.stage.daemon():
                assert {} == error_of(node, "CHECK", pod, shim=other, wait_ms=9000)
                assert "is attached already" in error_of(node, "ADD", pod, shim=other, wait_ms=9000)["msg"]
                assert {} == error_of(node, "DEL", pod, shim=other, wait_ms=9000)
            assert ["lo"] == node.link_names(pod)
            assert NOTHING == left_on(node)
