"""Standalone calls with scripted plugins: DEL of what the ledger holds, STATUS without a daemon, and the locks."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from errno import EAGAIN
from pathlib import Path
from typing import Any

import pytest

from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Call, Chain, Feature, Record, Source, Step
from netattach_core.shim.protocol import Kind
from support.build import shim_under_test
from support.records import encode_record
from support.shim_peer import Host, Shim

TRY_AGAIN, NOT_AVAILABLE, LIMITED, DELEGATE = 11, 50, 51, 100


class StandaloneHost(Host):
    """A host with compiled chains, and with a socket where nobody listens before `daemon.reopen`."""

    def __init__(self, binary: Path, directory: Path) -> None:
        super().__init__(binary, directory)
        self.daemon.close()
        self.ledger = directory / "ledger"
        self.chains = self.ledger / "chains"
        self.log = directory / "log"
        self.config = directory / "conf"
        for path in (self.chains / "del", self.chains / "plain", self.config):
            path.mkdir(parents=True)
        self.variables |= {
            "NETATTACH_CHAINS": str(self.chains),
            "NETATTACH_WAIT_MS": "100",
            "CNI_NETNS": "/nowhere",
            "CNI_ARGS": "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web",
        }

    def records(self, name: str, rest: str = "exit 0") -> None:
        """A plugin that logs how it was called."""
        self.plugin(name, f'echo "{name} $CNI_COMMAND $CNI_IFNAME $CNI_ARGS $(cat)" >> {self.log}\n{rest}')

    def calls(self) -> list[str]:
        """`name verb interface` of each call so far."""
        return (
            [" ".join(line.split(" ")[:3]) for line in self.log.read_text().splitlines()]
            if self.log.exists()
            else []
        )

    def write_deletion(self, *steps: tuple[str, str], sandbox: str = "sandbox") -> None:
        """What the daemon writes for a sandbox of its ledger."""
        chain = Chain("", 5000, frozenset(), tuple(_step(plugin, ifname) for plugin, ifname in steps))
        (self.chains / "del" / sandbox).write_bytes(compiled_chain.encode(chain))
        (self.ledger / f"{sandbox}.json").write_text("{}")

    def compile(self, *plugins: str, features: Sequence[Feature] = ()) -> None:
        """The compiled default network."""
        (self.config / "10-a.conf").write_text("{}")
        source = Source(str(self.config), "00-netattach.conflist", True, (("10-a.conf", b"{}"),))
        chain = Chain("1.1.0", 5000, frozenset(features), tuple(_step(each, "") for each in plugins), source)
        (self.chains / "primary").write_bytes(compiled_chain.encode(chain))

    def remaining(self) -> list[str]:
        """The files of sandboxes."""
        there = [*self.ledger.glob("*.json"), *self.chains.glob("del/*"), *self.chains.glob("plain/*")]
        return sorted(str(path.relative_to(self.ledger)) for path in there)

    @property
    def locks(self) -> Path:
        return self.daemon.path.parent / "locks"


def _step(plugin: str, ifname: str) -> Step:
    return Step("shop/net", plugin, ifname, "A=b" if ifname else "", f'"name":"net","type":"{plugin}"}}')


@pytest.fixture
def host(tmp_path: Path) -> Iterator[StandaloneHost]:
    with StandaloneHost(shim_under_test(), tmp_path) as host:
        yield host
        assert [] == list(host.locks.glob("*"))


class TestDelete:
    def test_what_the_ledger_holds_is_deleted_at_once(self, host: StandaloneHost) -> None:
        """In the chain's order, with its configuration; then the entry is removed: nothing is left for the daemon to do."""
        host.records("macvlan")
        host.records("bridge")
        host.write_deletion(("macvlan", "net1"), ("bridge", "eth0"))

        assert (0, b"") == host.start("DEL", NETATTACH_WAIT_MS="60000").end()

        assert [
            'macvlan DEL net1 A=b {"name":"net","type":"macvlan"}',
            'bridge DEL eth0 A=b {"name":"net","type":"bridge"}',
        ] == host.log.read_text().splitlines()
        assert [] == host.remaining()

    def test_a_daemon_that_answers_executes_it(self, host: StandaloneHost) -> None:
        """Then only the daemon uses the ledger."""
        host.records("macvlan")
        host.write_deletion(("macvlan", "net1"))
        host.daemon.reopen()
        shim = host.start("DEL")
        host.daemon.call()
        host.daemon.answer(0)

        assert (0, b"") == shim.end()
        assert [] == host.calls()
        assert ["chains/del/sandbox", "sandbox.json"] == host.remaining()

    def test_a_daemon_that_hangs_is_not_waited_for_long(self, host: StandaloneHost) -> None:
        """It accepts the connection and never greets."""
        host.records("macvlan")
        host.write_deletion(("macvlan", "net1"))
        host.daemon.reopen()
        started = time.monotonic()

        assert (0, b"") == host.start("DEL", NETATTACH_WAIT_MS="60000").end()
        assert time.monotonic() - started < 8
        assert [] == host.remaining()

    def test_a_daemon_that_goes_away_during_the_call_is_replaced(self, host: StandaloneHost) -> None:
        """The plugin that it started is killed, and all is deleted from the beginning."""
        pids = host.log.with_name("pids")
        host.records("macvlan", f"[ -e {pids} ] || {{ sleep 300 & echo $! > {pids}; wait; }}")
        host.write_deletion(("macvlan", "net1"))
        host.daemon.reopen()
        shim = host.start("DEL")
        host.daemon.call()
        host.daemon.start("macvlan", environment={"CNI_COMMAND": "DEL"})
        _eventually(lambda: pids.exists() and bool(pids.read_text()))
        host.daemon.close()

        assert (0, b"") == shim.end()
        assert ["macvlan DEL eth0", "macvlan DEL net1"] == host.calls()
        assert not Path(f"/proc/{int(pids.read_text())}").exists()
        assert [] == host.remaining()

    def test_the_runs_of_a_lost_daemon_leave_their_slots(self, host: StandaloneHost) -> None:
        """Also if they were as many as can run at once."""
        host.records("macvlan")
        host.plugin("hangs", "exec sleep 300")
        host.write_deletion(("macvlan", "net1"))
        host.daemon.reopen()
        shim = host.start("DEL")
        host.daemon.call()
        for number in range(64):
            host.daemon.start("hangs", id=number)
        assert EAGAIN == host.daemon.run("hangs", id=64).number
        host.daemon.close()

        assert (0, b"") == shim.end()
        assert ["macvlan DEL net1"] == host.calls()
        assert [] == host.remaining()

    def test_a_failure_does_not_prevent_the_deletion_of_other_interfaces(self, host: StandaloneHost) -> None:
        """All failures are reported, without the phrases that containerd takes for success; the entry stays for the next DEL."""
        for name in ("a", "c"):
            host.records(name)
        printed = r'{"code":7,"msg":"Not Found: no such \u0066ile or directory\n","details":"NOT FOUND"}'
        host.records("bad", f"printf %s '{printed}'; exit 1")
        host.write_deletion(("bad", "net2"), ("a", "net2"), ("bad", "net1"), ("c", "eth0"))

        error = host.start("DEL").error()

        assert ["bad DEL net2", "bad DEL net1", "c DEL eth0"] == host.calls()
        assert DELEGATE == error["code"]
        assert str(error["msg"]).startswith(
            "pod shop/web: DEL of network shop/net (net2): plugin bad failed: "
        )
        assert "(net1)" in str(error["msg"])
        assert "not found" not in json.dumps(error).lower()
        assert "no such file" not in json.dumps(error).lower()
        assert "bad: code 7" in str(error["details"])
        assert ["chains/del/sandbox", "sandbox.json"] == host.remaining()

    @pytest.mark.parametrize("damage", ["truncated", "other version", "link", "pipe", "none"])
    def test_without_a_usable_chain_it_waits_for_the_daemon(self, host: StandaloneHost, damage: str) -> None:
        """Then it fails with code 11: never a success with nothing done."""
        host.records("macvlan")
        host.write_deletion(("macvlan", "net1"))
        path = host.chains / "del/sandbox"
        data = path.read_bytes()
        match damage:
            case "truncated":
                path.write_bytes(data[:-3])
            case "other version":
                path.write_bytes(data.replace(b"\1\0\0\x001", b"\1\0\0\x009", 1))
            case "link":  # to a chain that somebody else may change
                path.symlink_to(path.rename(host.ledger / "elsewhere"))
            case "pipe":
                path.unlink()
                os.mkfifo(path)
            case _:
                path.unlink()

        assert TRY_AGAIN == host.start("DEL").error()["code"]
        assert [] == host.calls()
        assert (host.ledger / "sandbox.json").exists()

    def test_the_ledger_takes_precedence_over_a_record(self, host: StandaloneHost) -> None:
        """A pod that had no secondary networks at ADD and got one later."""
        host.records("macvlan")
        host.records("bridge")
        host.write_deletion(("macvlan", "net1"), ("bridge", "eth0"))
        _write_record(host, "bridge")

        assert (0, b"") == host.start("DEL").end()
        assert ["macvlan DEL net1", "bridge DEL eth0"] == host.calls()
        assert [] == host.remaining()

    def test_a_cancelled_call_has_not_succeeded(self, host: StandaloneHost) -> None:
        """The runtime killed the shim: the plugin and its children are killed, the entry stays, and the next DEL completes it."""
        pids = host.log.with_name("pids")
        host.plugin("slow", f"sleep 300 & echo $$ $! > {pids}; wait")
        host.write_deletion(("slow", "net1"))
        shim = host.start("DEL")
        _eventually(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        shim.kill()

        for pid in map(int, pids.read_text().split()):
            _eventually(lambda pid=pid: not Path(f"/proc/{pid}").exists())
        _eventually(lambda: list(host.locks.glob("*")) == [])
        assert ["chains/del/sandbox", "sandbox.json"] == host.remaining()
        host.records("slow")
        assert (0, b"") == host.start("DEL").end()
        assert [] == host.remaining()

    def test_a_truncated_record_is_left_to_the_daemon(self, host: StandaloneHost) -> None:
        """It has too little to delete anything."""
        host.records("bridge")
        _write_record(host, "bridge")
        path = host.chains / "plain/sandbox"
        path.write_bytes(path.read_bytes()[:-40])

        assert TRY_AGAIN == host.start("DEL").error()["code"]
        assert [] == host.calls()

    def test_an_id_that_is_a_path_is_never_followed(self, host: StandaloneHost) -> None:
        """The daemon reports what is wrong with it."""
        host.records("bridge")
        _write_record(host, "bridge")

        error = host.start("DEL", CNI_CONTAINERID="../plain/sandbox").error()

        assert TRY_AGAIN == error["code"]
        assert ["chains/plain/sandbox"] == host.remaining()


class TestStatus:
    STATUS = (Feature.STATUS,)

    def test_it_is_the_primarys_own(self, host: StandaloneHost) -> None:
        """Each plugin of the default network's chain is asked, with its configuration and nothing else."""
        host.records("a")
        host.records("b")
        host.compile("a", "b", features=self.STATUS)

        assert (0, b"") == _status(host).end()
        assert ['a STATUS   {"name":"net","type":"a"}', 'b STATUS   {"name":"net","type":"b"}'] == (
            host.log.read_text().splitlines()
        )

    @pytest.mark.parametrize(("code", "reported"), [(50, 50), (51, LIMITED), (7, NOT_AVAILABLE)])
    def test_a_plugin_that_is_not_ready_is_reported(
        self, host: StandaloneHost, code: int, reported: int
    ) -> None:
        """With one of the specification's two codes."""
        host.records("a", f"""echo '{{"code":{code},"msg":"no daemon here"}}'; exit 1""")
        host.compile("a", features=self.STATUS)

        error = _status(host).error()

        assert reported == error["code"]
        assert "no daemon here" in str(error["msg"])

    def test_a_default_network_without_the_verb_is_ready(self, host: StandaloneHost) -> None:
        """Its plugins do not support STATUS."""
        host.records("a")
        host.compile("a")

        assert (0, b"") == _status(host).end()
        assert [] == host.calls()

    @pytest.mark.parametrize("changed", [True, False])
    def test_without_a_default_network_the_node_is_not_ready(
        self, host: StandaloneHost, *, changed: bool
    ) -> None:
        """None was compiled, or it has changed since."""
        if changed:
            host.compile("a", features=self.STATUS)
            (host.config / "10-a.conf").write_text('{"changed": true}')

        assert NOT_AVAILABLE == _status(host).error()["code"]

    def test_a_running_daemon_is_asked(self, host: StandaloneHost) -> None:
        """It checks more than the default network."""
        host.daemon.reopen()
        shim = _status(host)
        assert "STATUS" == host.daemon.call().environment["CNI_COMMAND"]
        host.daemon.answer(0)

        assert (0, b"") == shim.end()


class TestLocks:
    def test_a_second_call_waits_for_the_first(self, host: StandaloneHost) -> None:
        """The daemon gets the second one only after the end of the first."""
        host.daemon.reopen()
        first = host.start("ADD")
        host.daemon.call()
        second = host.start("DEL")
        time.sleep(0.15)
        host.daemon.answer(0, b"first")
        assert (0, b"first") == first.end()
        assert "DEL" == host.daemon.call().environment["CNI_COMMAND"]
        host.daemon.answer(0)

        assert (0, b"") == second.end()

    def test_another_sandbox_does_not_wait(self, host: StandaloneHost) -> None:
        """Each sandbox has a lock of its own."""
        host.records("macvlan")
        host.write_deletion(("macvlan", "net1"), sandbox="other")
        with (_made(host.locks) / "sandbox").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            assert (0, b"") == host.start("DEL", CNI_CONTAINERID="other").end()
        (host.locks / "sandbox").unlink()

    def test_the_daemons_own_work_is_waited_for(self, host: StandaloneHost) -> None:
        """The daemon takes the same lock, and removes the file before it unlocks."""
        host.records("macvlan")
        host.write_deletion(("macvlan", "net1"))
        path = _made(host.locks) / "sandbox"
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            shim = host.start("DEL")
            time.sleep(0.1)
            assert [] == host.calls()
            path.unlink()

        assert (0, b"") == shim.end()
        assert ["macvlan DEL net1"] == host.calls()

    def test_a_call_that_is_cancelled_while_it_waits_starts_nothing(self, host: StandaloneHost) -> None:
        """The worker exits with the launcher."""
        host.records("macvlan")
        host.write_deletion(("macvlan", "net1"))
        path = _made(host.locks) / "sandbox"
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            shim = host.start("DEL")
            time.sleep(0.1)
            shim.kill()
            assert (
                -signal.SIGKILL == shim.end()[0]
            )  # everybody has closed its output: the worker has exited, too
        path.unlink()
        assert [] == host.calls()

    def test_gc_waits_for_a_standalone_add(self, host: StandaloneHost) -> None:
        """And the ADD for GC, which would free what the ADD has just allocated."""
        host.daemon.reopen()
        adding = os.open(_made(host.locks), os.O_RDONLY)
        fcntl.flock(adding, fcntl.LOCK_SH)
        collecting = host.start("GC")
        host.daemon.greet()
        assert host.daemon.is_silent(0.15)
        fcntl.flock(adding, fcntl.LOCK_UN)
        assert Kind.CALL is host.daemon.frame().kind
        with pytest.raises(BlockingIOError):
            fcntl.flock(adding, fcntl.LOCK_SH | fcntl.LOCK_NB)
        host.daemon.answer(0)
        assert (0, b"") == collecting.end()
        fcntl.flock(adding, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.close(adding)

    def test_a_killed_shim_leaves_no_lock(self, host: StandaloneHost) -> None:
        """All its processes are killed at once; the lock's file may stay, and blocks nobody."""
        pids = host.log.with_name("pids")
        host.plugin("macvlan", f"echo $$ > {pids}; exec sleep 300")
        host.write_deletion(("macvlan", "net1"))
        shim = host.start("DEL")
        _eventually(lambda: pids.exists() and bool(pids.read_text()))
        plugin = int(pids.read_text())
        worker = _parent(_parent(plugin))
        shim.process.send_signal(signal.SIGSTOP)  # so that the launcher cannot clean up first
        os.kill(worker, signal.SIGKILL)
        shim.kill()
        _eventually(lambda: not Path(f"/proc/{plugin}").exists())
        assert ["sandbox"] == [path.name for path in host.locks.iterdir()]

        host.records("macvlan")
        assert (0, b"") == host.start("DEL").end()

    def test_without_a_directory_for_locks_only_the_daemon_acts(self, host: StandaloneHost) -> None:
        """The daemon has locks of its own, so a node where the directory cannot be created goes on working."""
        host.records("macvlan")
        host.write_deletion(("macvlan", "net1"))
        host.daemon.reopen()
        host.locks.write_text("a file")

        shim = host.start("DEL")
        assert Kind.CALL == (host.daemon.greet(), host.daemon.frame())[1].kind
        host.daemon.answer(0)
        assert (0, b"") == shim.end()
        host.daemon.close()
        assert TRY_AGAIN == host.start("DEL").error()["code"]
        assert [] == host.calls()
        host.locks.unlink()


def _write_record(host: StandaloneHost, plugin: str) -> None:
    source = Source(str(host.config), "", True, (("10-a.conf", b"{}"),))
    chain = Chain("1.1.0", 5000, frozenset(), (_step(plugin, ""),), source)
    record = Record(chain, Call("/n", "eth0", "", "{}"), '{"ips":[]}')
    (host.chains / "plain/sandbox").write_bytes(encode_record(record))


def _status(host: StandaloneHost) -> Shim:
    """A STATUS, for which a runtime sets only the verb and the plugins' path."""
    for name in ("CNI_CONTAINERID", "CNI_IFNAME", "CNI_NETNS", "CNI_ARGS"):
        host.variables.pop(name, None)
    return host.start("STATUS")


def _made(directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    return directory


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _eventually(holds: Any) -> None:
    give_up = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.02)
