"""Plugins without anything to do on a real node: which programs the shim alone and the daemon start.

The node's default network ends with portmap and bandwidth, each behind a script that counts its starts.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netattach_core.cni.request import POD_ANNOTATIONS
from netattach_core.shim import compiled_chain
from support import require
from support.node import NETWORKS, CnitoolNode, NodePod
from support.shim_calls import DELEGATE, NOTHING, error_of, left_on, primary_path, recompiled, run

CHAIN: list[dict[str, Any]] = [
    {
        "type": "bridge",
        "bridge": "cbr0",
        "isGateway": True,
        "ipam": {"type": "host-local", "subnet": "10.244.1.0/24"},
    },
    {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True},
    {"type": "bandwidth", "capabilities": {"bandwidth": True}},
]
MAPPINGS = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
LIMITS = {
    "bandwidth": {"ingressRate": 8000000, "ingressBurst": 80000, "egressRate": 8000000, "egressBurst": 80000}
}
COUNTED = """#!/bin/sh
[ "$CNI_COMMAND" = VERSION ] || echo "$CNI_COMMAND $CNI_IFNAME {name}" >> {log}
exec {program}
"""
ACCEPTS_ALL = """#!/bin/sh
echo "$CNI_COMMAND $CNI_IFNAME ${{0##*/}}" >> {log}
[ "$CNI_COMMAND" != ADD ] || echo '{{"cniVersion":"1.0.0"}}'
"""


@dataclasses.dataclass
class Starts:
    """The programs that were started on the node since the last look."""

    log: Path
    programs: tuple[Path, ...] = ()

    def accept_all(self) -> None:
        """From now on the programs accept whatever value they get."""
        for path in self.programs:
            path.write_text(ACCEPTS_ALL.format(log=self.log))

    def taken(self) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def starts(
    daemonless: CnitoolNode, primary: Callable[[list[dict[str, Any]]], None], tmp_path: Path
) -> Iterator[Starts]:
    """With CHAIN as the compiled default network; the daemon is stopped."""
    require.command("iptables")
    links = {name: daemonless.stage.paths.bin_dir / name for name in ("portmap", "bandwidth")}
    started = Starts(tmp_path / "started", tuple(links.values()))
    programs = {name: link.resolve() for name, link in links.items()}
    for name, link in links.items():
        link.unlink()
        link.write_text(COUNTED.format(name=name, log=started.log, program=programs[name]))
        link.chmod(0o755)
    try:
        primary(CHAIN)
        started.taken()
        yield started
    finally:
        for name, link in links.items():
            link.unlink(missing_ok=True)
            link.symlink_to(programs[name])


def _add(node: CnitoolNode, pod: NodePod, **offered: Any) -> dict[str, Any]:
    done = run(node, "ADD", pod, offered=offered)
    assert done.returncode == 0, done.stdout
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _delete(node: CnitoolNode, pod: NodePod, **offered: Any) -> None:
    done = run(node, "DEL", pod, offered=offered)
    assert done.returncode == 0, done.stdout
    assert NOTHING == left_on(node)


@pytest.mark.parametrize("offered", [{}, {"portMappings": None}, {"portMappings": [], "bandwidth": {}}])
def test_the_shim_alone_does_not_start_them(
    daemonless: CnitoolNode, starts: Starts, offered: dict[str, Any]
) -> None:
    """The result is that of bridge, and complete: CHECK and DEL accept it."""
    with daemonless.pod() as pod:
        result = _add(daemonless, pod, **offered)

        assert [result["ips"][0]["address"]] == daemonless.addresses(pod, "eth0")
        assert [] == starts.taken()
        assert {} == error_of(daemonless, "CHECK", pod, offered=offered)
        assert ["CHECK eth0 portmap", "CHECK eth0 bandwidth"] == starts.taken()
        _delete(daemonless, pod, **offered)
        assert [] == starts.taken()


def test_the_shim_alone_starts_what_a_pod_needs(daemonless: CnitoolNode, starts: Starts) -> None:
    """DEL goes by the call of ADD, even where the runtime gives other values now."""
    with daemonless.pod() as pod:
        _add(daemonless, pod, **MAPPINGS)
        assert ["ADD eth0 portmap"] == starts.taken()
        assert daemonless.nat_rules()
        _delete(daemonless, pod)
        assert ["DEL eth0 portmap"] == starts.taken()

        _add(daemonless, pod, **LIMITS)
        assert ["ADD eth0 bandwidth"] == starts.taken()
        assert any(name.startswith("bwp") for name in daemonless.link_names())
        _delete(daemonless, pod)
        assert ["DEL eth0 bandwidth"] == starts.taken()


@pytest.mark.parametrize(
    ("offered", "started"),
    [
        ('"portMappings": [ ]', []),
        ('"portMappings":\t[\r\n\t]', []),
        ('"portMappings": null, "bandwidth": { }', []),
        ('"x": [[1]], "bandwidth": {}', []),
        ('"portMappings": [{}]', ["ADD eth0 portmap", "DEL eth0 portmap"]),
        ('"portMappings": {}', ["ADD eth0 portmap", "DEL eth0 portmap"]),
        ('"portMappings": [], "portMappings": [{}]', ["ADD eth0 portmap", "DEL eth0 portmap"]),
        ('"portMappings": [{}], "portMappings": []', ["ADD eth0 portmap", "DEL eth0 portmap"]),
        ('"portMappings": ""', ["ADD eth0 portmap", "DEL eth0 portmap"]),
        ('"bandwidth": []', ["ADD eth0 bandwidth", "DEL eth0 bandwidth"]),
        ('"bandwidth": {"ingressRate": 0}', ["ADD eth0 bandwidth", "DEL eth0 bandwidth"]),
    ],
)
def test_only_an_empty_value_means_nothing_to_do(
    daemonless: CnitoolNode, starts: Starts, offered: str, started: list[str]
) -> None:
    """What the program may refuse is for the program."""
    starts.accept_all()
    text = f'{{"cniVersion":"1.0.0","name":"n","runtimeConfig":{{{offered},"{POD_ANNOTATIONS}":{{}}}}}}'
    with daemonless.pod() as pod:
        assert {} == error_of(daemonless, "ADD", pod, stdin=text)
        assert {} == error_of(daemonless, "DEL", pod)

        assert started == starts.taken()


@pytest.mark.parametrize("selects", [False, True])
def test_the_daemon_does_not_start_them(daemonless: CnitoolNode, starts: Starts, selects: bool) -> None:  # noqa: FBT001
    """Neither for pods with secondary networks, nor for others, nor in a secondary network."""
    macvlan = {"type": "macvlan", "master": "eth1", "ipam": {"type": "host-local", "subnet": "10.9.0.0/24"}}
    chain = {"cniVersion": "1.0.0", "name": "mapped", "plugins": [macvlan, CHAIN[1]]}
    daemonless.create_nad("mapped", chain)
    daemonless.hands_over_annotations = False
    with daemonless.stage.daemon(), daemonless.pod("mapped" if selects else "") as pod:
        result = daemonless.add(pod)

        assert [result["ips"][0]["address"]] == daemonless.addresses(pod, "eth0")
        assert (["lo", "eth0", "net1"] if selects else ["lo", "eth0"]) == daemonless.link_names(pod)
        assert [] == starts.taken()
        daemonless.call("check", pod).check_returncode()
        assert "CHECK eth0 portmap" in starts.taken()
        daemonless.delete(pod)
        assert [] == starts.taken()
        assert NOTHING == left_on(daemonless)


def test_the_daemon_starts_what_a_pod_needs_and_the_shim_deletes_it(
    daemonless: CnitoolNode, starts: Starts
) -> None:
    """The compiled DEL has what ADD had to do."""
    daemonless.create_nad("mac", {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1"})
    with daemonless.pod() as pod:
        pod.annotations[NETWORKS] = "mac"
        with daemonless.stage.daemon():
            done = run(daemonless, "ADD", pod, offered=MAPPINGS, wait_ms=20000)
            assert done.returncode == 0, done.stdout
        assert ["ADD eth0 portmap"] == starts.taken()
        assert daemonless.nat_rules()

        _delete(daemonless, pod)
        assert ["DEL eth0 portmap"] == starts.taken()


def test_the_daemon_deletes_what_the_shim_attached(daemonless: CnitoolNode, starts: Starts) -> None:
    """It reads the record like an entry, with the call of ADD."""
    with daemonless.pod() as pod, daemonless.pod() as mapped:
        _add(daemonless, pod)
        _add(daemonless, mapped, **MAPPINGS)
        assert ["ADD eth0 portmap"] == starts.taken()
        with daemonless.stage.daemon(), recompiled(daemonless):
            primary_path(daemonless).unlink()
            for each in (pod, mapped):
                daemonless.delete(each)

        assert ["DEL eth0 portmap"] == starts.taken()
        assert NOTHING == left_on(daemonless)


def test_a_chain_of_an_earlier_daemon_starts_them(daemonless: CnitoolNode, starts: Starts) -> None:
    """It says nothing about them; `skipIdlePlugins: never` compiles the same."""
    compiled = compiled_chain.parse(primary_path(daemonless).read_bytes())
    assert [None, "portMappings", "bandwidth"] == [
        step.work and step.work.capability for step in compiled.steps
    ]
    steps = tuple(dataclasses.replace(step, work=None) for step in compiled.steps)
    with recompiled(daemonless, steps=steps), daemonless.pod() as pod:
        _add(daemonless, pod)
        _delete(daemonless, pod)

    assert ["ADD eth0 portmap", "ADD eth0 bandwidth"] == starts.taken()[:2]


def test_a_missing_program_fails_only_the_pods_that_need_it(daemonless: CnitoolNode, starts: Starts) -> None:
    """See docs/decisions/0019-no-program-for-nothing.md."""
    (daemonless.stage.paths.bin_dir / "portmap").unlink()
    with daemonless.pod() as pod:
        _add(daemonless, pod)
        _delete(daemonless, pod)

        error = error_of(daemonless, "ADD", pod, offered=MAPPINGS)
        assert DELEGATE == error["code"]
        assert "plugin portmap is not installed" in error["msg"]
        assert NOTHING == left_on(daemonless)
