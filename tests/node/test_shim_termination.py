"""Calls that end early: everything that the shim started has ended before anybody undoes it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netattach_core.shim.protocol import Frame, Kind, Outcome, Ran
from support.build import shim_under_test
from support.shim_peer import PATIENCE, Host, Shim, alive, children

TREE = """
sleep 300 & group=$!
setsid sleep 300 & session=$!
(setsid sh -c 'echo $$ > "$0/orphan"; exec sleep 300' "$DIRECTORY" &)
while [ ! -s "$DIRECTORY/orphan" ]; do sleep 0.01; done
echo $$ $group $session $(cat "$DIRECTORY/orphan") > "$DIRECTORY/tree"
"""
"""A plugin's descendants: a child (as an IPAM plugin), a child in a session of its own, and an orphan in another session."""

KILLED = Ran(1, Outcome.KILLED, signal.SIGKILL, b"", b"")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with Host(shim_under_test(), tmp_path) as host:
        host.plugin("hangs", TREE + "wait")
        host.plugin("undo", 'echo "$CNI_COMMAND" >> "$DIRECTORY/undone"; echo undone')
        yield host


@contextlib.contextmanager
def _ignored(number: signal.Signals) -> Iterator[None]:
    """Processes that are started meanwhile inherit it."""
    before = None if number == signal.SIGKILL else signal.signal(number, signal.SIG_IGN)
    yield
    if number != signal.SIGKILL:
        signal.signal(number, before)


def _is_closed(shim: Shim) -> bool:
    """Whether everybody closes the shim's standard output in time."""
    assert shim.process.stdout is not None
    ready, _, _ = select.select([shim.process.stdout], [], [], PATIENCE)
    return bool(ready) and shim.process.stdout.read() == b""


def _wait_for_end(pid: int) -> None:
    """Waits for the end of a process that is no child of the test."""
    end = time.monotonic() + PATIENCE
    while alive([pid]):
        assert time.monotonic() < end, f"process {pid} still runs"
        time.sleep(0.002)


class TestTimeout:
    def test_a_plugin_that_hangs_is_ended_with_its_descendants(self, host: Host) -> None:
        """When the RAN arrives nothing of the run is alive, in whatever session."""
        shim = host.calling()
        began = time.monotonic()
        host.daemon.start("hangs", deadline_ms=400)
        tree = host.numbers("tree")
        running = alive(tree)

        ran = host.daemon.ran()
        left = alive(tree)
        host.daemon.answer(1, b"{}")

        assert running == tree
        assert (ran.outcome, ran.number) == (Outcome.TIMEOUT, 400)
        assert left == []
        assert 0.4 <= time.monotonic() - began < 5
        assert shim.end() == (1, b"{}")

    def test_its_output_is_reported(self, host: Host) -> None:
        """It may show where the plugin hangs."""
        host.plugin("talks", "echo out; echo waiting for the lock >&2; sleep 300")
        host.calling()

        ran = host.daemon.run("talks", deadline_ms=200)

        assert ran == Ran(1, Outcome.TIMEOUT, 200, b"out\n", b"waiting for the lock\n")

    def test_other_runs_go_on(self, host: Host, tmp_path: Path) -> None:
        """Even if both runs have orphans in sessions of their own."""
        host.plugin(
            "patient",
            'setsid sleep 300 & echo $! > "$DIRECTORY/patient"; read go < "$DIRECTORY/gate"; echo done',
        )
        os.mkfifo(tmp_path / "gate")
        host.calling()
        host.daemon.start("patient", id=2, deadline_ms=9000)
        background = host.numbers("patient")

        first = host.daemon.run("hangs", deadline_ms=100)
        running = alive(background)
        (tmp_path / "gate").write_text("go\n")
        second = host.daemon.ran()
        os.kill(background[0], signal.SIGKILL)

        assert first.outcome == Outcome.TIMEOUT
        assert running == background
        assert second == Ran(2, Outcome.EXITED, 0, b"done\n", b"")

    def test_a_plugin_that_ends_in_time_is_not_timed_out(self, host: Host) -> None:
        """A deadline in the future changes nothing."""
        host.calling()

        assert host.daemon.run("undo", deadline_ms=5000) == Ran(1, Outcome.EXITED, 0, b"undone\n", b"")


@pytest.mark.both_kernels  # one has /proc/…/children, the other has not
class TestKilledPlugin:
    def test_its_descendants_are_killed_before_it_is_reported(self, host: Host) -> None:
        """Else its IPAM plugin could allocate an address after the undo (an out-of-memory kill ends one process)."""
        host.plugin("dies", TREE + "kill -KILL $$")
        host.calling()

        ran = host.daemon.run("dies")

        assert (ran.outcome, ran.number) == (Outcome.KILLED, signal.SIGKILL)
        assert alive(host.numbers("tree")) == []

    def test_nothing_of_a_run_outlives_its_supervisor(self, host: Host, tmp_path: Path) -> None:
        """The process between worker and plugin is killed; another run goes on."""
        host.plugin("patient", 'read go < "$DIRECTORY/gate"; echo done')
        host.calling()
        os.mkfifo(tmp_path / "gate")
        host.daemon.start("patient", id=2)
        host.daemon.start("hangs")
        tree = host.numbers("tree")
        os.kill(_parent(tree[0]), signal.SIGKILL)

        ran = host.daemon.ran()
        left = alive(tree)
        (tmp_path / "gate").write_text("go\n")

        assert ran == KILLED
        assert left == []
        assert host.daemon.ran() == Ran(2, Outcome.EXITED, 0, b"done\n", b"")


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.both_kernels  # one has /proc/…/children, the other has not
class TestLostDaemon:
    @pytest.mark.parametrize("last", [b"", b"garbage that is no frame"])
    def test_all_plugins_are_killed_before_the_shim_exits(self, host: Host, last: bytes) -> None:
        """The daemon died or violated the protocol: when the runtime gets the error nothing runs any more."""
        shim = host.calling()
        host.daemon.start("hangs")
        tree = host.numbers("tree")
        host.daemon.send_bytes(last)
        host.daemon.hang_up()

        error = shim.error()

        assert alive(tree) == []
        assert error["code"] in (6, 11)

    def test_orphans_of_earlier_runs_are_killed_too(self, host: Host) -> None:
        """The background processes of a plugin that has ended belong to the failed call."""
        host.plugin("leaves", TREE)
        shim = host.calling()
        host.daemon.run("leaves")
        tree = host.numbers("tree")
        host.daemon.hang_up()
        shim.error()

        assert alive(tree) == []


class TestEarlyAnswer:
    def test_an_answer_kills_pending_runs(self, host: Host) -> None:
        """Nobody would report their end."""
        shim = host.calling()
        host.daemon.start("hangs")
        tree = host.numbers("tree")
        host.daemon.answer(4, b"enough")

        assert shim.end() == (4, b"enough")
        assert alive(tree) == []


@pytest.mark.both_kernels  # one has /proc/…/children, the other has not
class TestCancel:
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_all_is_killed_before_the_cancel_and_undone_after_it(
        self, host: Host, tmp_path: Path, number: signal.Signals
    ) -> None:
        """The runtime killed the launcher: all processes are killed, then RAN and CANCEL are sent, then the daemon's undo runs.

        Also if the runtime was started with the signal ignored, as nohup does, and the shim inherits that.
        """
        with _ignored(number):
            shim = host.calling()
        host.daemon.start("hangs")
        tree = host.numbers("tree")
        running = alive(tree)
        shim.kill(number)

        ran = host.daemon.ran()
        left = alive(tree)
        cancel = host.daemon.frame()
        undone = [host.daemon.run("undo", environment={"CNI_COMMAND": "DEL"}, id=n) for n in (2, 3)]
        host.daemon.answer(1, b"nobody reads this")

        assert running == tree
        assert ran == KILLED
        assert left == []
        assert cancel == Frame(Kind.CANCEL)
        assert undone == [Ran(n, Outcome.EXITED, 0, b"undone\n", b"") for n in (2, 3)]
        assert (tmp_path / "undone").read_text() == "DEL\nDEL\n"
        with pytest.raises(EOFError):
            host.daemon.frame()

    def test_a_runtime_that_dies_is_one_that_gives_up(self, host: Host) -> None:
        """It kills nobody, and does not know the call after a restart: its pipe has no reader any more."""
        shim = host.calling()
        host.daemon.start("hangs")
        tree = host.numbers("tree")
        assert shim.process.stdout is not None
        shim.process.stdout.close()

        assert host.daemon.ran() == KILLED
        assert alive(tree) == []
        assert host.daemon.frame() == Frame(Kind.CANCEL)
        assert shim.process.wait(PATIENCE) == 1
        assert host.daemon.run("undo", id=2).outcome == Outcome.EXITED

    def test_each_pending_run_is_reported(self, host: Host) -> None:
        """The daemon gets a RAN for each RUN."""
        shim = host.calling()
        for number in range(5):
            host.daemon.start("hangs", id=number)
        host.numbers("tree")
        shim.kill()

        rans = host.daemon.rans(5)

        assert {n: (ran.outcome, ran.number) for n, ran in rans.items()} == dict.fromkeys(
            range(5), (Outcome.KILLED, 9)
        )
        assert host.daemon.frame().kind == Kind.CANCEL

    def test_the_runtime_does_not_wait_for_the_undo(self, host: Host) -> None:
        """Standard output is closed when nothing of the call runs any more; runtimes read it to its end."""
        shim = host.calling()
        host.daemon.start("hangs")
        host.numbers("tree")
        shim.kill()
        host.daemon.ran()
        host.daemon.frame()

        assert _is_closed(shim)
        assert host.daemon.run("undo", id=2).outcome == Outcome.EXITED

    def test_undo_runs_have_deadlines_too(self, host: Host) -> None:
        """A plugin may hang during the undo."""
        shim = host.calling()
        shim.kill()
        host.daemon.frame()

        ran = host.daemon.run("hangs", deadline_ms=100)

        assert ran.outcome == Outcome.TIMEOUT

    def test_a_daemon_that_dies_during_the_undo_ends_it(self, host: Host) -> None:
        """The ledger has the sandbox, and the next daemon undoes it."""
        shim = host.calling()
        shim.kill()
        host.daemon.frame()
        host.daemon.start("hangs")
        tree = host.numbers("tree")
        host.daemon.shut_down(1)  # SHUT_WR: the shim reads the end, and the test sees the shim's end

        with pytest.raises(EOFError):
            host.daemon.frame()
        assert alive(tree) == []

    def test_without_a_run_only_the_cancel_is_sent(self, host: Host) -> None:
        """The daemon may be busy with native links."""
        shim = host.calling()
        shim.kill()

        assert host.daemon.frame() == Frame(Kind.CANCEL)

    def test_before_the_call_the_shim_just_exits(self, host: Host) -> None:
        """Before the end of standard input nothing was started."""
        shim = host.start_open()
        shim.kill()

        assert _is_closed(shim)

    def test_while_it_waits_for_the_daemon_it_just_exits(self, host: Host, tmp_path: Path) -> None:
        """It does not wait for a daemon any longer than the runtime."""
        shim = host.start(NETATTACH_SOCKET=str(tmp_path / "nowhere/cni.sock"))
        shim.kill()

        assert _is_closed(shim)

    def test_during_the_greeting_it_just_exits(self, host: Host) -> None:
        """Connected, not welcomed: the daemon sees the end of the connection."""
        shim = host.start()
        host.daemon.accept()
        hello = host.daemon.frame()
        shim.kill()

        assert hello.kind == Kind.HELLO
        with pytest.raises(EOFError):
            host.daemon.frame()


@pytest.mark.both_kernels  # one has /proc/…/children, the other has not
class TestKilledWorker:
    def test_a_kill_of_the_process_group_is_a_cancel(self, host: Host) -> None:
        """Some runtimes kill the process group of what they started; the worker is in another one."""
        shim = host.calling()
        host.daemon.start("hangs")
        tree = host.numbers("tree")
        os.killpg(shim.process.pid, signal.SIGKILL)

        assert host.daemon.ran() == KILLED
        assert alive(tree) == []
        assert host.daemon.frame().kind == Kind.CANCEL

    def test_no_plugin_outlives_launcher_and_worker(self, host: Host) -> None:
        """If both are killed the kernel kills supervisor and plugin, and the daemon sees the end of the connection."""
        shim = host.calling()
        host.daemon.start("hangs")
        plugin, *started = host.numbers("tree")
        (worker,) = children(shim.process.pid)
        os.kill(worker, signal.SIGSTOP)
        shim.kill()
        os.kill(worker, signal.SIGKILL)

        with pytest.raises(EOFError):
            host.daemon.frame()
        _wait_for_end(plugin)
        for pid in alive(started):  # the kernel does not kill these, only a worker does
            os.kill(pid, signal.SIGKILL)

    def test_the_launcher_kills_the_plugins_of_a_killed_worker_and_fails(self, host: Host) -> None:
        """The kernel may kill the worker for lack of memory."""
        shim = host.calling()
        host.daemon.start("hangs")
        tree = host.numbers("tree")
        (worker,) = children(shim.process.pid)
        os.kill(worker, signal.SIGKILL)

        error = shim.error()

        assert alive(tree) == []
        assert error["code"] == 11
        assert error["details"] == "9"

    def test_a_stop_of_the_whole_control_group_is_a_cancel(self, host: Host) -> None:
        """systemd sends SIGTERM to each process: the launcher exits, the worker stays to kill the plugins and to undo."""
        shim = host.calling()
        host.daemon.start("hangs")
        tree = host.numbers("tree")
        (worker,) = children(shim.process.pid)
        os.kill(worker, signal.SIGTERM)
        shim.kill(signal.SIGTERM)

        assert host.daemon.ran() == KILLED
        assert alive(tree) == []
        assert host.daemon.frame().kind == Kind.CANCEL
        assert host.daemon.run("undo", id=2).outcome == Outcome.EXITED
