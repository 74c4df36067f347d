"""Failures of pods without secondary networks while the daemon is stopped: undone, reported, and released by the DEL."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from netattach_cli.demo.demo_node import DEFAULT_NETWORK
from support.node import CnitoolNode
from support.shim_calls import (
    DELEGATE,
    NOTHING,
    OTHER,
    TRY_AGAIN,
    adding,
    begun,
    children,
    error_of,
    left_on,
    lives,
    locks,
    parent,
    recompiled,
    run,
    sandbox,
)
from support.waiting import PATIENCE, eventually


@pytest.fixture
def node(daemonless: CnitoolNode) -> CnitoolNode:
    """Its daemon is stopped unless the test starts it."""
    return daemonless


class TestFailing:
    def test_a_failed_chain_is_undone_in_reverse_order(
        self,
        node: CnitoolNode,
        primary: Callable[..., None],
        script: Callable[[str, str], str],
        tmp_path: Path,
    ) -> None:
        """The error names the plugin, with its message; the pod has no interface, and no lease is held."""
        log = tmp_path / "log"
        error = '{"code": 7, "msg": "bad \\"thing\\" \\u00e9", "details": "more"}'
        script(
            "failing",
            f"#!/bin/sh\necho $CNI_COMMAND >> {log}\n[ $CNI_COMMAND = DEL ] || {{ echo '{error}'; exit 1; }}\n",
        )
        bridge = json.loads(DEFAULT_NETWORK)["plugins"][0]
        primary([bridge, {"type": "failing"}, {"type": "never"}])
        with node.pod() as pod:
            told = error_of(node, "ADD", pod)

            assert DELEGATE == told["code"]
            assert (
                f'pod default/{pod.name}: ADD of network cbr0 (eth0): plugin failing failed: bad "thing" é'
                == told["msg"]
            )
            assert "failing: code 7, more" == told["details"]
            assert "ADD\nDEL\n" == log.read_text()
            assert ["lo"] == node.link_names(pod)
            assert NOTHING == left_on(node)

    def test_a_failed_undo_is_repeated_by_the_next_delete(
        self,
        node: CnitoolNode,
        primary: Callable[..., None],
        script: Callable[[str, str], str],
        tmp_path: Path,
    ) -> None:
        """Which succeeds."""
        fixed = tmp_path / "fixed"
        script("failing", f"#!/bin/sh\n[ -e {fixed} ] || {{ echo no device was not found >&2; exit 3; }}\n")
        bridge = json.loads(DEFAULT_NETWORK)["plugins"][0]
        primary([bridge, {"type": "failing"}])
        with node.pod() as pod:
            assert "not undone yet: DEL of network cbr0" in error_of(node, "ADD", pod)["details"]
            assert 1 == len(node.leases())
            failed = error_of(node, "DEL", pod)
            assert DELEGATE == failed["code"]
            assert "not found" not in json.dumps(failed).lower()
            fixed.touch()
            node.delete(pod)

            assert NOTHING == left_on(node)

    @pytest.mark.parametrize(
        ("does", "said"),
        [
            ("exit 0", "returned no result"),
            ("echo '{\"a\"}'", "returned an invalid CNI result"),
            ("echo '[]'", "returned an invalid CNI result"),
            ("echo oops >&2; exit 9", "failed with exit status 9 and printed: oops"),
            ("kill -KILL $$", "was killed by signal 9"),
            ("head -c 2000000 /dev/zero", "it wrote more than 1 MiB"),
        ],
    )
    def test_a_failure_of_a_plugin_is_reported(
        self,
        node: CnitoolNode,
        primary: Callable[..., None],
        script: Callable[[str, str], str],
        does: str,
        said: str,
    ) -> None:
        """Never as a success, and it is undone."""
        script("wrong", f"#!/bin/sh\n[ $CNI_COMMAND = ADD ] || exit 0\n{does}\n")
        primary([{"type": "wrong"}])
        with node.pod() as pod:
            told = error_of(node, "ADD", pod)

            assert DELEGATE == told["code"]
            assert said in told["msg"]
            assert NOTHING == left_on(node)

    def test_a_plugin_that_is_not_installed_is_not_undone(
        self, node: CnitoolNode, primary: Callable[..., None]
    ) -> None:
        """Since it never ran."""
        bridge = json.loads(DEFAULT_NETWORK)["plugins"][0]
        primary([bridge, {"type": "absent"}])
        with node.pod() as pod:
            told = error_of(node, "ADD", pod)

            assert "plugin absent is not installed" in told["msg"]
            assert "not undone" not in told["details"]
            assert NOTHING == left_on(node)

    @pytest.mark.parametrize("printed", ["null", '{"ips":[]}', "{ }", '{"cniVersion":"0.4.0"}'])
    def test_a_result_without_a_version_gets_that_of_the_config(
        self, node: CnitoolNode, primary: Callable[..., None], script: Callable[[str, str], str], printed: str
    ) -> None:
        """As libcni does."""
        script("sparing", f"#!/bin/sh\n[ $CNI_COMMAND = ADD ] && echo '{printed}'\nexit 0\n")
        primary([{"type": "sparing"}])
        expected = {"cniVersion": "1.0.0", **(json.loads(printed) or {})}
        with node.pod() as pod:
            done = run(node, "ADD", pod)
            assert {} == error_of(node, "DEL", pod)

        assert (0, expected) == (done.returncode, json.loads(done.stdout))

    def test_an_existing_interface_is_not_touched(self, node: CnitoolNode) -> None:
        """The daemon reports it; a DEL after a failed ADD of the plugin would remove the interface of others."""
        with node.pod() as pod:
            node.in_pod(pod, "ip", "link", "add", "eth0", "type", "bridge")

            assert TRY_AGAIN == error_of(node, "ADD", pod)["code"]
            assert "bridge" == node.kind(pod, "eth0")

    def test_a_second_add_is_refused(self, node: CnitoolNode) -> None:
        """It changes nothing."""
        with node.pod() as pod:
            node.add(pod)
            addresses = node.addresses(pod, "eth0")

            assert OTHER == error_of(node, "ADD", pod)["code"]
            assert addresses == node.addresses(pod, "eth0")
            node.delete(pod)

    def test_no_record_is_written_through_a_link(self, node: CnitoolNode) -> None:
        """Neither to an existing file, nor to a new one; then nothing is started."""
        with node.pod() as pod:
            record = f"/var/lib/cni/netattach/chains/plain/{sandbox(pod)}"
            node.stage.run("ln", "-s", "/var/lib/cni/netattach/elsewhere", record)
            try:
                error = error_of(node, "ADD", pod)
            finally:
                node.stage.run("rm", record)

            assert OTHER == error["code"]
            assert ["lo"] == node.link_names(pod)
            assert "elsewhere" not in node.stage.run("ls", "/var/lib/cni/netattach").stdout.split()

    @pytest.mark.parametrize("bytes_left", [0, 400])
    def test_with_a_full_disk_nothing_is_started(self, node: CnitoolNode, bytes_left: int) -> None:
        """Neither where no byte fits, nor where half of the sandbox file fits."""
        plain = "/var/lib/cni/netattach/chains/plain"
        node.stage.run("mount", "-t", "tmpfs", "-o", "size=8k", "tiny", plain)
        try:
            node.stage.run(
                "sh", "-c", f"head -c {8192 - (4096 if bytes_left else 0)} /dev/zero > {plain}/full"
            )
            with node.pod() as pod:
                with recompiled(node, steps_like=1 if not bytes_left else 40):
                    told = error_of(node, "ADD", pod)

                assert OTHER == told["code"]
                assert "cannot be written" in told["msg"]
                assert ["lo"] == node.link_names(pod)
                assert [] == node.leases()
                assert ["full"] == node.stage.run("ls", plain).stdout.split()
        finally:
            node.stage.run("umount", plain)


class TestKilled:
    """While a plugin runs that has a lease, an interface and a child; nothing is left in the end."""

    @pytest.fixture
    def hanging(
        self,
        node: CnitoolNode,
        primary: Callable[..., None],
        script: Callable[[str, str], str],
        tmp_path: Path,
    ) -> Path:
        """A chain of bridge and a plugin that hangs; the file with the process ids of the plugin and its child."""
        pids = tmp_path / "pids"
        hang = f"sleep 300 & echo $$ $! > {pids}; wait"
        script("hanging", f"#!/bin/sh\n[ $CNI_COMMAND = ADD ] || exit 0\n{hang}\n")
        primary([json.loads(DEFAULT_NETWORK)["plugins"][0], {"type": "hanging"}])
        return pids

    def test_by_a_runtime_that_cancels(self, node: CnitoolNode, hanging: Path) -> None:
        """All processes are ended, then the ADD is undone without another call."""
        with node.pod() as pod, adding(node, pod, hanging) as shim:
            assert ["lo", "eth0"] == node.link_names(pod)
            shim.kill()

            eventually(lambda: left_on(node) == NOTHING and locks(node) == [])
            assert ["lo"] == node.link_names(pod)
            assert not any(map(lives, map(int, hanging.read_text().split())))

    @pytest.mark.parametrize("again", ["DEL", "ADD"])
    def test_with_every_process_of_it(
        self, node: CnitoolNode, hanging: Path, script: Callable[[str, str], str], again: str
    ) -> None:
        """The sandbox file exists, so the next call undoes the ADD, a second ADD too."""
        with node.pod() as pod, adding(node, pod, hanging) as shim:
            keeper = parent(int(hanging.read_text().split()[0]))
            os.kill(shim.pid, signal.SIGSTOP)  # it would clean up
            for pid in (parent(keeper), keeper, shim.pid):
                os.kill(pid, signal.SIGKILL)
            shim.wait()
            assert 1 == len(node.leases())
            assert 1 == len(node.records())
            script("hanging", "#!/bin/sh\n[ $CNI_COMMAND = ADD ] && echo '{}'\nexit 0\n")

            assert {} == error_of(node, again, pod)
            if again == "ADD":
                assert ["lo", "eth0"] == node.link_names(pod)
                assert 1 == len(node.leases())
                node.delete(pod)
            assert NOTHING == left_on(node)
            assert ["lo"] == node.link_names(pod)

    @pytest.mark.parametrize("verb", ["ADD", "DEL"])
    @pytest.mark.parametrize("milliseconds", range(0, 48, 4))
    def test_at_any_moment(self, node: CnitoolNode, verb: str, milliseconds: int) -> None:
        """The shim's working process: the DEL that follows releases everything, or nothing was attached.

        Where the record or the lease was just created, the daemon deletes it.
        """
        with node.pod() as pod:
            if verb == "DEL":
                node.add(pod)
            shim = begun(node, pod, verb)
            time.sleep(milliseconds / 1000)
            for runner in children(shim.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(runner, signal.SIGKILL)
            shim.wait(PATIENCE)
            told = error_of(node, "DEL", pod)

            assert told.get("code", TRY_AGAIN) == TRY_AGAIN
            assert ["lo"] == node.link_names(pod)
            if told and left_on(node)["ledger"]:
                assert left_on(node) == NOTHING | {"ledger": [sandbox(pod)]}
                with node.stage.daemon():
                    assert {} == error_of(node, "DEL", pod, wait_ms=9000)
            if any(lease.endswith("(empty)") for lease in node.leases()):
                with node.stage.daemon():
                    eventually(lambda: node.leases() == [])
            assert NOTHING == left_on(node)

    def test_while_host_local_wrote_a_lease(self, node: CnitoolNode, primary: Callable[..., None]) -> None:
        """An address without an owner, which no DEL releases: host-local takes it as leased, until the daemon removes it."""
        bridge = json.loads(DEFAULT_NETWORK)["plugins"][0]
        bridge["ipam"] |= {"rangeStart": "10.244.1.9", "rangeEnd": "10.244.1.9"}
        primary([bridge])
        with node.pod() as pod:
            node.add(pod)
            node.delete(pod)  # the store and its lock exist
            (node.stage.paths.leases / "cbr0/10.244.1.9").touch()

            assert "no IP addresses available" in error_of(node, "ADD", pod)["msg"]
            assert ["cbr0/10.244.1.9 (empty)"] == node.leases()
            with node.stage.daemon():
                eventually(lambda: node.leases() == [])
            node.add(pod)
            assert ["cbr0/10.244.1.9"] == node.leases()
            node.delete(pod)

            assert NOTHING == left_on(node)

    @pytest.mark.parametrize("cut", range(0, 1200, 97))
    def test_while_the_sandbox_file_was_written(self, node: CnitoolNode, cut: int) -> None:
        """Nothing was started then; the daemon deletes by the sandbox's id, and the incomplete file too."""
        path = node.stage.paths.ledger / "chains/plain"
        with node.pod() as pod:
            node.add(pod)
            record = path / sandbox(pod)
            record.write_bytes(record.read_bytes()[:cut])
            with node.stage.daemon():
                assert {} == error_of(node, "DEL", pod, wait_ms=9000)

            assert NOTHING == left_on(node)
