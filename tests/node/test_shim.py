"""The shim's conversation: calls without the daemon, connecting, CALL and ANSWER, failures."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netattach_core.shim import protocol as shim_protocol
from netattach_core.shim.protocol import Frame, Kind
from support.build import shim_under_test
from support.shim_peer import Host, Peer

UNDECODABLE, TRY_AGAIN = 6, 11


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with Host(shim_under_test(), tmp_path) as host:
        yield host


class TestWithoutTheDaemon:
    def test_version_needs_no_daemon(self, host: Host) -> None:
        """VERSION is answered by the shim itself, whatever there is on the host."""
        shim = host.start("VERSION", NETATTACH_SOCKET="/nowhere")

        status, stdout = shim.end()

        assert status == 0
        assert json.loads(stdout) == {
            "cniVersion": "1.1.0",
            "supportedVersions": ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"],
        }

    @pytest.mark.parametrize("command", [None, ""])
    def test_about_goes_to_stderr(self, host: Host, command: str | None) -> None:
        """Without CNI_COMMAND the shim prints what it is, on standard error, and succeeds."""
        shim = host.start(command)

        stdout, stderr = shim.process.communicate(timeout=10)

        assert (shim.process.returncode, stdout) == (0, b"")
        assert b"netattach" in stderr
        assert b"1.0.0" in stderr


class TestConnecting:
    def test_an_absent_daemon_is_reported_after_the_wait(self, host: Host, tmp_path: Path) -> None:
        """No socket at all: code 11 with the path, so that the runtime tries again."""
        absent = str(tmp_path / "absent.sock")

        error = host.start(NETATTACH_SOCKET=absent, NETATTACH_WAIT_MS="60").error()

        assert error["code"] == TRY_AGAIN
        assert absent in str(error["msg"])
        assert "60 ms" in str(error["msg"])

    def test_a_daemon_that_died_is_reported_after_the_wait(self, host: Host) -> None:
        """Nobody listens at the socket's file: the same as no socket."""
        host.daemon.close()

        error = host.start(NETATTACH_WAIT_MS="30").error()

        assert error["code"] == TRY_AGAIN

    def test_a_daemon_that_hangs_is_reported_after_the_wait(self, host: Host) -> None:
        """Connected, but nobody answers the greeting."""
        error = host.start(NETATTACH_WAIT_MS="30").error()

        assert error["code"] == TRY_AGAIN

    def test_failures_of_del_have_no_phrase_that_containerd_takes_for_success(
        self, host: Host, tmp_path: Path
    ) -> None:
        """containerd drops the attachment if the error has one of these phrases."""
        nowhere = str(tmp_path / "at/all")
        error = host.start("DEL", NETATTACH_SOCKET=nowhere, NETATTACH_WAIT_MS="0").error()

        assert "not found" not in json.dumps(error).lower()
        assert "no such file" not in json.dumps(error).lower()

    def test_a_late_daemon_is_used(self, host: Host, tmp_path: Path) -> None:
        """A daemon that appears while the shim waits gets the call."""
        late = tmp_path / "late.sock"
        shim = host.start(stdin=b"late", NETATTACH_SOCKET=str(late))
        daemon = Peer(late)

        stdin = daemon.call().stdin
        daemon.answer(0, b"done")
        daemon.close()

        assert stdin == b"late"
        assert shim.end() == (0, b"done")

    def test_a_daemon_that_restarts_before_its_welcome_is_connected_again(self, host: Host) -> None:
        """Nothing was started, so a lost connection is no reason to fail."""
        shim = host.start()
        host.daemon.accept()
        host.daemon.hang_up()

        host.daemon.call()
        host.daemon.answer(0, b"second")

        assert shim.end() == (0, b"second")

    def test_a_socket_that_cannot_be_used_fails_at_once(self, host: Host, tmp_path: Path) -> None:
        """A socket below a file can never work; a plain file at the socket's path counts as nobody listening."""
        file = tmp_path / "file"
        file.touch()

        error = host.start(NETATTACH_SOCKET=f"{file}/cni.sock").error()

        assert error["code"] == TRY_AGAIN
        assert str(file) in str(error["msg"])

    @pytest.mark.parametrize(
        ("variables", "named"),
        [
            ({"NETATTACH_WAIT_MS": "soon"}, "NETATTACH_WAIT_MS"),
            ({"NETATTACH_SOCKET": "/" + "x" * 200}, "NETATTACH_SOCKET"),
        ],
    )
    def test_invalid_settings_are_named(self, host: Host, variables: dict[str, str], named: str) -> None:
        """An invalid variable is code 4, and named."""
        error = host.start("ADD", b"{}", **variables).error()

        assert error["code"] == 4
        assert named in str(error["msg"])


class TestGreeting:
    def test_the_greeting_offers_versions_1_to_3(self, host: Host) -> None:
        """HELLO has the magic word, the lowest and the highest version and the build."""
        host.start()

        hello = host.daemon.greet()

        assert hello.fields[:3] == (b"netattach", b"1", b"3")
        assert hello.fields[3] != b""

    def test_a_refusal_is_passed_on(self, host: Host) -> None:
        """The daemon's text becomes the message of the error."""
        shim = host.start()
        host.daemon.accept()
        host.daemon.send(Frame(Kind.REFUSE, (b"the shim is too old; let the daemon install its own",)))

        error = shim.error()

        assert error["code"] == TRY_AGAIN
        assert error["msg"] == "the shim is too old; let the daemon install its own"

    @pytest.mark.parametrize(
        ("text", "read"),
        [
            (b'say "no" \\ twice', 'say "no" \\ twice'),
            (b"a\x00b\x1fc\nd\te", "a\x00b\x1fc\nd\te"),
            ("née 网络 🔌".encode(), "née 网络 🔌"),
            (b"\xff\xc3", "\N{REPLACEMENT CHARACTER}" * 2),
            (b"\xc0\xaf", "\N{REPLACEMENT CHARACTER}" * 2),  # an overlong "/"
            (b"\xed\xa0\x80", "\N{REPLACEMENT CHARACTER}" * 3),  # half of a surrogate pair
            (b"\xf4\x90\x80\x80", "\N{REPLACEMENT CHARACTER}" * 4),  # beyond Unicode
            (b"", ""),
            (b"x" * 200_000, "x" * 200_000),
        ],
    )
    def test_any_text_makes_valid_json(self, host: Host, text: bytes, read: str) -> None:
        """Whatever bytes a message has, the runtime gets JSON."""
        shim = host.start()
        host.daemon.accept()
        host.daemon.send(Frame(Kind.REFUSE, (text,)))

        assert shim.error()["msg"] == read

    @pytest.mark.parametrize(
        "greeting",
        [
            pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="another protocol"),
            pytest.param(
                shim_protocol.encode(Frame(Kind.WELCOME, (b"4",))), id="a version that was not offered"
            ),
            pytest.param(shim_protocol.encode(Frame(Kind.WELCOME)), id="no version"),
            pytest.param(shim_protocol.encode(Frame(Kind.WELCOME, (b"one",))), id="no number"),
            pytest.param(shim_protocol.encode(Frame(Kind.ANSWER, (b"0", b"{}"))), id="an answer to no call"),
            pytest.param(shim_protocol.encode(Frame(Kind.WELCOME, (b"1",))) * 2, id="two welcomes"),
            pytest.param(b"\x03\0\0\0W\0\0\0", id="a truncated field"),
        ],
    )
    def test_a_wrong_greeting_fails(self, host: Host, greeting: bytes) -> None:
        """A listener that is no daemon of this protocol: code 6."""
        shim = host.start()
        host.daemon.accept()
        host.daemon.send_bytes(greeting)

        assert shim.error()["code"] == UNDECODABLE


class TestCall:
    def test_the_call_has_all_that_the_runtime_passed(self, host: Host) -> None:
        """All CNI_ variables and no others, and standard input byte for byte; the shim adds where it is."""
        stdin = bytes(range(256)) * 3
        host.start("DEL", stdin, CNI_ARGS="A=b;C==d", CNI_NETNS="", CNI_FUTURE="é", OTHER="x")

        call = host.daemon.call()

        assert call.stdin == stdin
        found = shim_under_test().stat()
        assert call.environment.pop("NODE_PLACES").startswith(f"{found.st_dev}:{found.st_ino}:")
        assert call.environment == {
            "CNI_COMMAND": "DEL",
            "CNI_CONTAINERID": "sandbox",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(host.plugins),
            "CNI_ARGS": "A=b;C==d",
            "CNI_NETNS": "",
            "CNI_FUTURE": "é",
        }

    def test_a_pipe_as_namespace_does_not_block_the_shim(self, host: Host, tmp_path: Path) -> None:
        """Opening a pipe without a writer would block for ever."""
        os.mkfifo(tmp_path / "pipe")
        host.start(CNI_NETNS=str(tmp_path / "pipe"))

        assert host.daemon.call().stdin == b"{}"

    def test_four_mebibytes_are_passed_on(self, host: Host) -> None:
        """The largest configuration, together with the descriptors, each once."""
        stdin = os.urandom(4 << 20)
        shim = host.start(stdin=stdin, CNI_NETNS="/proc/self/ns/net")

        assert host.daemon.call().stdin == stdin
        assert len(host.daemon.descriptors) == 3

        host.daemon.answer(0)
        assert shim.end() == (0, b"")

    def test_more_than_four_mebibytes_are_refused(self, host: Host) -> None:
        """Before the daemon gets anything."""
        assert host.start(stdin=b"x" * ((4 << 20) + 1)).error()["code"] == UNDECODABLE

    def test_closed_standard_descriptors_do_no_harm(self, host: Host) -> None:
        """No socket of the shim may get the number of standard input, output or error."""
        shim = host.start_open(through=["sh", "-c", 'exec "$0" <&- 2>&-'])

        assert host.daemon.call().stdin == b""

        host.daemon.answer(0, b"out")
        shim.feed(b"")
        assert shim.end() == (0, b"out")

    def test_a_runtime_that_ignores_sigchld_does_no_harm(self, host: Host) -> None:
        """An ignored SIGCHLD is inherited, and would make waiting for plugins impossible."""
        host.plugin("five", "exit 5")
        ignoring = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
        shim = host.start_open(through=[sys.executable, "-ISc", ignoring])
        shim.feed(b"")
        host.daemon.call()

        assert host.daemon.run("five").number == 5

        host.daemon.answer(3)
        assert shim.end() == (3, b"")


class TestAnswer:
    @pytest.mark.parametrize("status", [0, 1, 2, 100, 255])
    def test_the_answer_is_passed_on(self, host: Host, status: int) -> None:
        """Standard output byte for byte, and the exit status."""
        stdout = bytes(range(256))
        shim = host.calling()
        host.daemon.answer(status, stdout)

        assert shim.end() == (status, stdout)

    def test_all_exit_statuses_pass(self, host: Host) -> None:
        """None of the 256 is special."""
        statuses = []
        for status in range(256):
            shim = host.calling()
            host.daemon.answer(status)
            statuses.append(shim.end()[0])

        assert statuses == list(range(256))

    def test_a_large_answer_passes(self, host: Host) -> None:
        """More than any pipe or socket buffer holds."""
        stdout = os.urandom(3 << 20)
        shim = host.calling()
        host.daemon.answer(0, stdout)

        assert shim.end() == (0, stdout)

    def test_an_answer_in_single_bytes_is_read(self, host: Host) -> None:
        """A stream does not keep the borders of frames."""
        shim = host.calling()
        for byte in shim_protocol.encode(Frame(Kind.ANSWER, (b"9", b"slow"))):
            host.daemon.send_bytes(bytes([byte]))

        assert shim.end() == (9, b"slow")

    def test_an_answer_that_nobody_can_read_is_no_success(self, host: Host) -> None:
        """With a closed standard output the status reports that the result is lost."""
        shim = host.calling()
        assert shim.process.stdout is not None
        shim.process.stdout.close()
        host.daemon.answer(0, b"result")

        assert shim.process.wait(10) == 1

    @pytest.mark.parametrize("where", ["/dev/null", "file"])
    def test_an_output_that_is_no_pipe_never_hangs_up(self, host: Host, tmp_path: Path, where: str) -> None:
        """It is not mistaken for a pipe without a runtime."""
        shim = host.start_open(through=["sh", "-c", f'exec "$0" >{tmp_path / where}'])
        shim.feed(b"{}")
        host.daemon.call()

        assert host.daemon.is_silent(0.3)
        host.daemon.answer(0, b"result")
        assert shim.process.wait(10) == 0

    @pytest.mark.parametrize(
        "garbage",
        [
            pytest.param(b"\xff\xff\xff\xffR", id="a frame that is too large"),
            pytest.param(b"\0\0\0\0?", id="an unknown kind"),
            pytest.param(b"\x01\0\0\0R\0", id="a truncated length"),
            pytest.param(b"\x05\0\0\0R\x02\0\0\0x", id="a truncated field"),
            pytest.param(b"\0\0\0\0R", id="a RUN without fields"),
            pytest.param(
                shim_protocol.encode(Frame(Kind.RUN, (b"one", b"p", b"0", b""))), id="a RUN without a number"
            ),
            pytest.param(
                shim_protocol.encode(Frame(Kind.RUN, (b"1", b"p", b"-1", b""))), id="a negative deadline"
            ),
            pytest.param(
                shim_protocol.encode(Frame(Kind.RUN, (b"1" * 19, b"p", b"0", b""))), id="too many digits"
            ),
            pytest.param(shim_protocol.encode(Frame(Kind.ANSWER)), id="an ANSWER without fields"),
            pytest.param(shim_protocol.encode(Frame(Kind.ANSWER, (b"0",))), id="an ANSWER without a text"),
            pytest.param(shim_protocol.encode(Frame(Kind.ANSWER, (b"256", b""))), id="an impossible status"),
            pytest.param(shim_protocol.encode(Frame(Kind.ANSWER, (b"", b""))), id="an empty status"),
            pytest.param(shim_protocol.encode(Frame(Kind.WELCOME, (b"1",))), id="a second welcome"),
            pytest.param(shim_protocol.encode(Frame(Kind.CANCEL)), id="a frame that only the shim sends"),
        ],
    )
    def test_garbage_is_a_failure(self, host: Host, garbage: bytes) -> None:
        """Anything else than the protocol fails the call, with code 6."""
        shim = host.calling()
        host.daemon.send_bytes(garbage)

        assert shim.error()["code"] == UNDECODABLE

    @pytest.mark.parametrize("how", [socket.SHUT_WR, socket.SHUT_RDWR])
    def test_a_lost_daemon_is_a_failure(self, host: Host, how: int) -> None:
        """No answer, no success: code 11, and the call's verb."""
        shim = host.calling("CHECK")
        host.daemon.shut_down(how)

        error = shim.error()

        assert error["code"] == TRY_AGAIN
        assert "during CHECK" in str(error["msg"])

    def test_a_truncated_frame_is_a_failure(self, host: Host) -> None:
        """Half an ANSWER of status 0 is no success."""
        shim = host.calling()
        host.daemon.send_bytes(shim_protocol.encode(Frame(Kind.ANSWER, (b"0", b"{}")))[:-1])
        host.daemon.hang_up()

        assert shim.error()["code"] == TRY_AGAIN
