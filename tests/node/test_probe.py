"""The probe: the real program, shim and daemon attach a namespace of its own, and nothing of it remains."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DemoNode, NodePaths
from netattach_core.api.inventory import TRIED_LINK_KINDS
from support import build, require
from support.waiting import eventually

NET_ADMIN_ALONE = "--bounding-set=-all,+net_admin"


@pytest.fixture(scope="module")
def stage(places: NodePaths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoNode]:
    """A node without a daemon."""
    root = tmp_path_factory.mktemp("probe") / "stage"
    with demo_node.build(NodePaths(root, places.plugins, places.shim)) as built:
        yield built


@pytest.fixture(autouse=True)
def forgotten(stage: DemoNode) -> None:
    """No test sees what an earlier one has found out."""
    (stage.paths.ledger / "last-probe").unlink(missing_ok=True)


@contextlib.contextmanager
def _probing(stage: DemoNode) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        stage.command("setpriv", "--pdeathsig=KILL", build.probe_program()),
        env={**os.environ, "NETATTACH_SHIM": str(stage.paths.shim)},
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _found(stage: DemoNode) -> dict[str, Any]:
    """What the daemon keeps of the last probe, nothing before its end."""
    try:
        body: dict[str, Any] = json.loads((stage.paths.ledger / "last-probe").read_text())
    except FileNotFoundError:
        return {}
    return body


def _succeeded(stage: DemoNode) -> bool:
    return bool(_found(stage).get("probe", {}).get("succeeded"))


def _links(stage: DemoNode) -> list[str]:
    listed = json.loads(stage.run("ip", "-json", "link").stdout)
    return sorted(link["ifname"] for link in listed)


def _left(stage: DemoNode) -> dict[str, Any]:
    """What a probe could leave: entries, their DELs, leases, locks, namespaces with an id or a name."""
    paths = stage.paths
    locks = stage.run("sh", "-c", "ls /run/netattach/locks", check=False).stdout.split()
    ids = stage.run("ip", "netns", "list-id").stdout.splitlines()
    return {
        "files": [*paths.sandbox_files(), *(path.name for path in (paths.ledger / "probe").glob("*"))],
        "leases": [str(path) for path in paths.leases.glob("netattach-probe/*")],
        "locks": locks,
        "namespaces": [line for line in ids if "name: world" not in line],  # the demo's own
    }


NOTHING: dict[str, Any] = {"files": [], "leases": [], "locks": [], "namespaces": []}


@pytest.mark.parametrize(
    "privileges", [(), (NET_ADMIN_ALONE,)], ids=["all privileges", "CAP_NET_ADMIN alone"]
)
def test_a_probe_succeeds_and_leaves_nothing(stage: DemoNode, privileges: tuple[str, ...]) -> None:
    before = _links(stage)
    with stage.daemon(*privileges), _probing(stage):
        eventually(lambda: _succeeded(stage), "a successful probe")

        found = _found(stage)
        assert [kind for kind in TRIED_LINK_KINDS if require.has_kernel_link(kind)] == found["linkKinds"]
        assert Path("/proc/sys/kernel/random/boot_id").read_text().strip() == found["probe"]["bootID"]
        assert "" == found["probe"]["message"]
        eventually(lambda: _left(stage) == NOTHING, f"nothing left; {_left(stage)}")
        assert before == _links(stage)


def test_each_daemon_is_probed_once(stage: DemoNode) -> None:
    calls = 0
    with _probing(stage):
        for _ in range(2):
            (stage.paths.root / "daemon.log").write_text("")
            with stage.daemon():
                eventually(lambda: _succeeded(stage), "a successful probe")
                log = (stage.paths.root / "daemon.log").read_text()
                calls += log.count("ADD took")
            (stage.paths.ledger / "last-probe").unlink()
    assert 2 == calls


def test_a_probe_that_fails_says_why_and_is_repeated(stage: DemoNode) -> None:
    """Here the disk takes no entry."""
    with stage.daemon():
        (stage.paths.ledger / "probe").write_text("in the way")
        with _probing(stage):
            eventually(lambda: bool(_found(stage)), "the end of the probe")
            probe = _found(stage)["probe"]
            assert probe["succeeded"] is False
            assert "the ledger cannot be written" in probe["message"]
            (stage.paths.ledger / "probe").unlink()
            eventually(lambda: _succeeded(stage), "the next probe")


def test_a_probe_that_is_killed_at_any_moment_leaves_nothing(stage: DemoNode) -> None:
    before = _links(stage)
    chance = random.Random(17)
    with stage.daemon():
        for _ in range(12):
            with _probing(stage) as process:
                time.sleep(chance.uniform(0, 0.15))
                process.kill()
        (stage.paths.ledger / "last-probe").unlink(missing_ok=True)
        with _probing(stage):
            eventually(lambda: _succeeded(stage), "the probe after them")
        eventually(lambda: _left(stage) == NOTHING, f"nothing left; {_left(stage)}")
    assert before == _links(stage)


def test_a_daemon_that_is_killed_at_any_moment_of_a_probe_leaves_nothing(stage: DemoNode) -> None:
    before = _links(stage)
    chance = random.Random(17)
    with _probing(stage):
        for _ in range(4):
            with stage.daemon() as daemon:
                time.sleep(chance.uniform(0, 0.7))
                daemon.kill()
        with stage.daemon():
            eventually(lambda: _succeeded(stage), "a probe of the last daemon")
            eventually(lambda: _left(stage) == NOTHING, f"nothing left; {_left(stage)}")
    assert before == _links(stage)


def test_a_runtimes_call_in_the_name_of_the_probe_attaches_nothing(stage: DemoNode) -> None:
    """CHECK, STATUS and GC are none of the probe's calls."""
    environment = {
        "CNI_COMMAND": "CHECK",
        "CNI_CONTAINERID": "netattach-probe",
        "CNI_NETNS": "/proc/self/ns/net",
        "CNI_IFNAME": "probe0",
        "CNI_PATH": "/nonexistent",
    }
    conf = '{"cniVersion":"1.0.0","name":"netattach","type":"netattach"}'
    with stage.daemon():
        done = stage.run(stage.paths.shim, env=environment, stdin=conf, check=False)

    assert (1, "this daemon probes nothing") == (done.returncode, json.loads(done.stdout)["msg"][-26:])
