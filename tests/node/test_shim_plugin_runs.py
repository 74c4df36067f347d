"""Plugins that the shim runs for the daemon: their input, output and environment, refusals, concurrency."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from netattach_core.shim import protocol as shim_protocol
from netattach_core.shim.protocol import Outcome, Ran, Run
from support.build import shim_under_test
from support.shim_peer import Host, alive

MEBIBYTE = 1 << 20
MOST_RUNS = 64


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with Host(shim_under_test(), tmp_path) as host:
        yield host


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another directory of plugins."""
    (tmp_path / "other").mkdir()
    return tmp_path / "other"


class TestInput:
    def test_standard_input_is_passed_byte_for_byte(self, host: Host) -> None:
        """Any bytes, then end of file."""
        stdin = bytes(range(256)) * 100
        host.plugin("cat", "exec cat")
        host.calling()

        assert host.daemon.run("cat", stdin) == Ran(1, Outcome.EXITED, 0, stdin, b"")

    def test_a_large_standard_input_is_passed(self, host: Host) -> None:
        """A plugin that reads late or slowly does not block the shim."""
        stdin = os.urandom(8 * MEBIBYTE)
        host.plugin("sum", "exec sha256sum")
        host.calling()

        assert host.daemon.run("sum", stdin).stdout.split()[0].decode() == hashlib.sha256(stdin).hexdigest()

    def test_a_plugin_may_ignore_its_input(self, host: Host) -> None:
        """Unread standard input is no failure."""
        host.plugin("deaf", "exit 0")
        host.calling()

        assert host.daemon.run("deaf", b"x" * MEBIBYTE).number == 0

    def test_the_runs_variables_replace_the_shims_own(self, host: Host) -> None:
        """One variable of each name; all others as the runtime set them."""
        host.plugin("environ", "exec cat /proc/self/environ")
        host.calling(CNI_NETNS="/run/netns/x", TRACEPARENT="00-ab")

        ran = host.daemon.run(
            "environ", environment={"CNI_IFNAME": "net1", "CNI_COMMAND": "DEL", "CNI_ARGS": "A=é"}
        )
        variables = ran.stdout.decode().rstrip("\0").split("\0")

        assert sorted(v for v in variables if v.startswith(("CNI_", "TRACE"))) == [
            "CNI_ARGS=A=é",
            "CNI_COMMAND=DEL",
            "CNI_CONTAINERID=sandbox",
            "CNI_IFNAME=net1",
            "CNI_NETNS=/run/netns/x",
            f"CNI_PATH={host.plugins}",
            "TRACEPARENT=00-ab",
        ]

    def test_plugins_have_a_variable_that_marks_them(self, host: Host) -> None:
        """A shim that a plugin starts detects that by the sandbox in it. No RUN can replace it; IPAM plugins inherit it."""
        host.plugin("environ", "exec cat /proc/self/environ")
        host.calling()

        assert b"NETATTACH_INSIDE=sandbox" in host.daemon.run("environ").stdout.split(b"\0")

    def test_a_name_that_begins_like_another_does_not_replace_it(self, host: Host) -> None:
        """CNI_IF is not CNI_IFNAME."""
        host.plugin("names", 'echo "$CNI_IF $CNI_IFNAME"')
        host.calling()

        assert host.daemon.run("names", environment={"CNI_IF": "short"}).stdout == b"short eth0\n"

    def test_signals_are_as_a_program_expects_them(self, host: Host) -> None:
        """Nothing blocked, nothing ignored; except for the C library's own two, which nobody can reset."""
        host.plugin("signals", "exec grep -E 'Sig(Blk|Ign)' /proc/self/status")
        host.calling()

        masks = [line.split()[1] for line in host.daemon.run("signals").stdout.decode().splitlines()]

        signals_1_to_31 = 0x7FFFFFFF
        assert [int(mask, 16) & signals_1_to_31 for mask in masks] == [0, 0]

    def test_no_descriptor_of_the_shim_is_inherited(self, host: Host) -> None:
        """Only the three standard ones; neither the daemon's socket nor the launcher's pipe."""
        host.plugin("held", "exec ls /proc/self/fd")
        host.calling(CNI_NETNS="/proc/self/ns/net")

        held = host.daemon.run("held").stdout.split()

        assert held == [b"0", b"1", b"2", b"3"]  # 3 is the directory that ls reads

    def test_it_leads_its_own_process_group(self, host: Host) -> None:
        """So that it can be killed with what it started."""
        host.plugin("group", "echo $$; exec cut -d' ' -f5 /proc/self/stat")
        host.calling()

        pid, group = host.daemon.run("group").stdout.split()

        assert pid == group


class TestOutput:
    @pytest.mark.parametrize("status", [0, 1, 42, 255])
    def test_the_exit_status_is_reported(self, host: Host, status: int) -> None:
        """With both streams, separately."""
        host.plugin("ends", f"echo out; echo err >&2; exit {status}")
        host.calling()

        assert host.daemon.run("ends") == Ran(1, Outcome.EXITED, status, b"out\n", b"err\n")

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGPIPE])
    def test_a_signal_is_reported(self, host: Host, number: signal.Signals) -> None:
        """Together with what the plugin wrote before."""
        host.plugin("dies", f"echo before; kill -{int(number)} $$")
        host.calling()

        assert host.daemon.run("dies") == Ran(1, Outcome.KILLED, number, b"before\n", b"")

    def test_binary_output_is_reported(self, host: Host, tmp_path: Path) -> None:
        """Zero bytes and invalid UTF-8."""
        content = os.urandom(MEBIBYTE // 2)
        (tmp_path / "content").write_bytes(content)
        host.plugin("binary", 'cat "$DIRECTORY/content" >&2; exec cat "$DIRECTORY/content"')
        host.calling()

        assert host.daemon.run("binary") == Ran(1, Outcome.EXITED, 0, content, content)

    @pytest.mark.parametrize("stream", [1, 2])
    def test_one_mebibyte_is_allowed(self, host: Host, stream: int) -> None:
        """Exactly the limit of a stream."""
        host.plugin("much", f"exec head -c {MEBIBYTE} /dev/zero >&{stream}")
        host.calling()

        ran = host.daemon.run("much")

        assert (ran.outcome, ran.number) == (Outcome.EXITED, 0)
        assert len(ran.stdout + ran.stderr) == MEBIBYTE

    @pytest.mark.parametrize("size", [MEBIBYTE + 1, 10_000_000])
    @pytest.mark.parametrize("stream", [1, 2])
    def test_more_than_one_mebibyte_is_not(self, host: Host, stream: int, size: int) -> None:
        """The run is killed, and the shim's memory stays bounded."""
        host.plugin("flood", f"head -c {size} /dev/zero >&{stream}; sleep 300")
        host.calling()

        ran = host.daemon.run("flood")

        assert (ran.outcome, ran.number) == (Outcome.FAILED, errno.EFBIG)
        assert len(ran.stdout + ran.stderr) <= MEBIBYTE

    def test_a_background_process_neither_blocks_the_run_nor_is_killed(self, host: Host) -> None:
        """It keeps the plugin's standard output open, but the plugin's own end counts. After the call it still runs."""
        host.plugin("daemon", "sleep 300 & echo $!")
        shim = host.calling()

        ran = host.daemon.run("daemon")
        host.daemon.answer(0)
        ended = shim.end()
        pid = int(ran.stdout)
        running = alive([pid])
        os.kill(pid, signal.SIGKILL)

        assert (ran.outcome, ran.number) == (Outcome.EXITED, 0)
        assert ended == (0, b"")
        assert running == [pid]


class TestLookup:
    def test_the_first_regular_file_is_run(self, host: Host, other: Path) -> None:
        """Directories of that name, empty entries and missing directories are skipped."""
        host.plugin("which", "echo $0")
        (other / "which").mkdir()
        host.calling(CNI_PATH=f":/nowhere::{other}:{host.plugins}:")

        assert host.daemon.run("which").stdout.decode() == f"{host.plugins}/which\n"

    def test_earlier_entries_win(self, host: Host, other: Path) -> None:
        """In the order of CNI_PATH."""
        host.plugin("which", "echo $0")
        (host.plugins / "which").rename(other / "which")
        host.plugin("which", "echo $0")
        host.calling(CNI_PATH=f"{other}:{host.plugins}")

        assert host.daemon.run("which").stdout.decode() == f"{other}/which\n"

    @pytest.mark.parametrize("path", ["", ":", "/nowhere", "/" + "x" * 5000])
    def test_a_missing_plugin_is_reported(self, host: Host, path: str) -> None:
        """No directory, or none with a file of that name."""
        host.calling(CNI_PATH=path)

        assert host.daemon.run("absent") == Ran(1, Outcome.NOT_FOUND, 0, b"", b"")

    @pytest.mark.parametrize("name", ["", ".", "..", "/bin/sh", "../plugins/fine", "a/b", "fine/", "fine\0"])
    def test_paths_are_refused(self, host: Host, name: str) -> None:
        """A plugin is a name: a captured daemon cannot leave CNI_PATH."""
        host.plugin("fine", "exit 0")
        host.calling()

        assert host.daemon.run(name) == Ran(1, Outcome.REFUSED, 0, b"", b"")

    @pytest.mark.parametrize("name", ["netattach", "multus", "multus-shim"])
    def test_meta_plugins_are_refused(self, host: Host, name: str) -> None:
        """It would wait for the lock that our own call holds. A longer name is another plugin."""
        for each in (name, f"{name}-not"):
            host.plugin(each, "exit 0")
        host.calling()

        assert host.daemon.run(name) == Ran(1, Outcome.REFUSED, 0, b"", b"")
        assert host.daemon.run(f"{name}-not", id=2).outcome == Outcome.EXITED

    @pytest.mark.parametrize(
        "entry",
        [
            ("LD_PRELOAD", "/tmp/evil.so"),
            ("CNI_PATH", "/tmp"),
            ("PATH", "/tmp"),
            ("cni_args", ""),
            ("", ""),
            ("CNI_A\0", "x"),
            ("CNI_A", "x\0LD_PRELOAD=y"),
        ],
    )
    def test_foreign_variables_are_refused(self, host: Host, entry: tuple[str, str]) -> None:
        """Only CNI's own variables are allowed, without the one that decides where plugins are."""
        host.plugin("fine", "exit 0")
        host.calling()

        assert (
            host.daemon.run("fine", environment=dict([("CNI_IFNAME", "net1"), entry])).outcome
            == Outcome.REFUSED
        )

    def test_the_call_goes_on_after_a_refusal(self, host: Host) -> None:
        """The next RUN is executed."""
        host.plugin("fine", "exit 0")
        shim = host.calling()
        host.daemon.run("/bin/sh")

        assert host.daemon.run("fine", id=2) == Ran(2, Outcome.EXITED, 0, b"", b"")

        host.daemon.answer(0)
        assert shim.end() == (0, b"")


class TestStartFailures:
    def test_a_file_without_permission_is_reported(self, host: Host) -> None:
        """It is found, as libcni finds it, and cannot be executed."""
        host.plugin("plain", "exit 0").chmod(0o644)
        host.calling()

        assert host.daemon.run("plain") == Ran(1, Outcome.FAILED, errno.EACCES, b"", b"")

    def test_a_file_of_no_known_format_is_reported(self, host: Host) -> None:
        """It is not run by a shell."""
        host.plugin("text", "").write_text("exit 0\n")
        host.calling()

        assert host.daemon.run("text") == Ran(1, Outcome.FAILED, errno.ENOEXEC, b"", b"")

    def test_a_binary_that_is_being_written_is_waited_for(self, host: Host) -> None:
        """An installation in progress delays the call, and does not fail it."""
        writer = host.plugin("busy", "exit 0").open("a")
        host.calling()
        host.daemon.start("busy")
        threading.Timer(0.1, writer.close).start()

        assert host.daemon.ran() == Ran(1, Outcome.EXITED, 0, b"", b"")

    def test_a_binary_that_stays_busy_is_reported(self, host: Host) -> None:
        """After about a second."""
        with host.plugin("busy", "exit 0").open("a"):
            host.calling()

            assert host.daemon.run("busy") == Ran(1, Outcome.FAILED, errno.ETXTBSY, b"", b"")


class TestConcurrency:
    def test_runs_overlap(self, host: Host) -> None:
        """Each waits for the others: run one after another they would never end."""
        host.plugin(
            "meet",
            'read me; : > "$DIRECTORY/met-$me"\n'
            'while [ ! -e "$DIRECTORY/met-1" ] || [ ! -e "$DIRECTORY/met-2" ] || [ ! -e "$DIRECTORY/met-3" ]\n'
            "do sleep 0.01; done; echo $me",
        )
        host.calling()
        for number in (1, 2, 3):
            host.daemon.start("meet", b"%d\n" % number, id=number, deadline_ms=8000)

        assert host.daemon.rans(3) == {n: Ran(n, Outcome.EXITED, 0, b"%d\n" % n, b"") for n in (1, 2, 3)}

    def test_at_most_sixty_four_run_at_once(self, host: Host, tmp_path: Path) -> None:
        """One more fails at once with EAGAIN; a run that has ended frees its slot."""
        gate = tmp_path / "gate"
        os.mkfifo(gate)
        opened = os.open(gate, os.O_RDWR)
        host.plugin("wait", 'read go < "$DIRECTORY/gate"; exec cat')
        shim = host.calling()
        for number in range(MOST_RUNS):
            host.daemon.start("wait", b"%d" % number, id=number)

        one_more = host.daemon.run("wait", id=1000)
        os.write(opened, b"\n" * MOST_RUNS)
        rans = host.daemon.rans(MOST_RUNS)
        os.write(opened, b"\n")
        after = host.daemon.run("wait", b"after", id=1001)
        os.close(opened)
        host.daemon.answer(0)

        assert one_more == Ran(1000, Outcome.FAILED, errno.EAGAIN, b"", b"")
        assert rans == {n: Ran(n, Outcome.EXITED, 0, b"%d" % n, b"") for n in range(MOST_RUNS)}
        assert after == Ran(1001, Outcome.EXITED, 0, b"after", b"")
        assert shim.end() == (0, b"")

    def test_many_frames_in_one_write_are_all_handled(self, host: Host) -> None:
        """Large and small ones mixed, in pieces of any size; the daemon reads while it writes."""
        host.plugin("cat", "exec cat")
        host.calling()
        inputs = {n: bytes([n]) * (1 if n % 2 else 200_000) for n in range(20)}
        frames = [shim_protocol.run_frame(Run(n, "cat", 0, stdin, {})) for n, stdin in inputs.items()]
        writer = threading.Thread(
            target=host.daemon.send_bytes, args=(b"".join(map(shim_protocol.encode, frames)),)
        )
        writer.start()
        outputs = {n: ran.stdout for n, ran in host.daemon.rans(20).items()}
        writer.join()

        assert outputs == inputs
