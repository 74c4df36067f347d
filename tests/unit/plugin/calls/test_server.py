"""The server at its socket: the next call is served whatever comes, and each call is answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netattach_core.attach.attachment import Network
from netattach_core.shim.protocol import Frame, Kind
from netattach_kube import logs
from netattach_plugin.calls import server as server_module
from netattach_plugin.calls.call_queue import CallQueue
from netattach_plugin.calls.pending_deletes import PendingDeletes
from netattach_plugin.calls.server import Server
from support.shim_side import HELLO, ShimSide
from support.world import World

DEL = (b"CNI_COMMAND=DEL", b"CNI_CONTAINERID=c1", b"CNI_IFNAME=eth0")
PTP = '{"cniVersion":"1.0.0","type":"ptp","name":"n"}'
STDIN = b'{"cniVersion":"0.3.1","name":"netattach","type":"netattach"}'


def _server(path: Path, primary: str = PTP) -> Server:
    world = World()
    world.networks.default = Network("n", primary, "n") if primary else None
    engine, queue = world.engine(), CallQueue(concurrency=2)
    return Server(path, engine, queue, PendingDeletes(engine.retry_delete, queue))


def _serve(conversation: Callable[[Path], None], primary: str = PTP) -> None:
    """Runs a conversation with a real server, over twins of everything else."""

    async def story(directory: Path) -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_server(directory / "run/cni.sock", primary).serve(stop, drain=1))
            await asyncio.sleep(0)
            try:
                await asyncio.to_thread(conversation, directory / "run/cni.sock")
            finally:
                stop.set()

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(story(Path(directory)))


@contextlib.contextmanager
def _called(path: Path, *variables: bytes, stdin: bytes = STDIN) -> Iterator[ShimSide]:
    """A peer that has greeted and called."""
    peer = ShimSide(path)
    with peer.socket:
        peer.send(HELLO)
        assert peer.receive() == Frame(Kind.WELCOME, (b"1",))
        peer.send(Frame(Kind.CALL, (stdin, *variables)))
        yield peer


def _answer_of_a_delete(path: Path) -> tuple[bytes, ...]:
    """A whole DEL with a plugin that succeeds: the server serves."""
    with _called(path, *DEL) as peer:
        run = peer.receive()
        assert run is not None
        assert run.kind is Kind.RUN
        peer.send(Frame(Kind.RAN, (run.fields[0], b"exited", b"0", b"", b"")))
        answer = peer.receive()
        assert answer is not None
        return answer.fields


def test_a_call_from_greeting_to_answer() -> None:
    """HELLO, WELCOME, CALL, RUN, RAN, ANSWER."""

    def conversation(path: Path) -> None:
        assert (b"0", b"") == _answer_of_a_delete(path)
        assert 0o700 == path.parent.stat().st_mode & 0o777
        assert 0o600 == path.stat().st_mode & 0o777

    _serve(conversation)


def test_a_run_has_the_name_of_the_plugin_and_never_a_path() -> None:
    """And only CNI_ variables."""

    def conversation(path: Path) -> None:
        with _called(path, *DEL) as peer:
            run = peer.receive()
            assert run is not None
            assert b"ptp" == run.fields[1]
            assert {b"CNI_COMMAND=DEL", b"CNI_CONTAINERID=c1", b"CNI_NETNS=", b"CNI_IFNAME=eth0"} < set(
                run.fields[4:]
            )
            assert all(field.startswith(b"CNI_") for field in run.fields[4:])

    _serve(conversation)


REFUSALS: dict[str, tuple[tuple[bytes, ...], bytes, int, str]] = {
    "no container id": ((b"CNI_COMMAND=DEL", b"CNI_IFNAME=eth0"), STDIN, 4, "CNI_CONTAINERID"),
    "garbage on standard input": (DEL, b"{", 6, "not JSON"),
    "an ADD without a namespace": (
        (b"CNI_COMMAND=ADD", *DEL[1:], b"CNI_NETNS=/gone"),
        STDIN,
        4,
        "CNI_NETNS /gone",
    ),
    "a verb that is none": ((b"CNI_COMMAND=GO", *DEL[1:]), STDIN, 4, "CNI_COMMAND"),
}


@pytest.mark.parametrize(("variables", "stdin", "code", "message"), REFUSALS.values(), ids=REFUSALS)
def test_an_invalid_call_is_answered(
    variables: tuple[bytes, ...], stdin: bytes, code: int, message: str
) -> None:
    """With the code of the CNI SPEC."""

    def conversation(path: Path) -> None:
        with _called(path, *variables, stdin=stdin) as peer:
            answer = peer.receive()
            assert answer is not None
            error = json.loads(answer.fields[1])
            assert (b"1", code) == (answer.fields[0], error["code"])
            assert message in error["msg"]

    _serve(conversation)


def test_without_a_default_network_the_runtime_may_retry() -> None:
    """Code 11; the node is booting."""

    def conversation(path: Path) -> None:
        with _called(path, *DEL) as peer:
            answer = peer.receive()
            assert answer is not None
            assert 11 == json.loads(answer.fields[1])["code"]

    _serve(conversation, primary="")


def test_a_failing_delete_is_reworded_for_containerd() -> None:
    """It takes `not found` and `no such file or directory` for success, and drops the attachment."""

    def conversation(path: Path) -> None:
        with _called(path, *DEL) as peer:
            run = peer.receive()
            assert run is not None
            error = b'{"code":999,"msg":"Link not found","details":"open /x: no such file or directory"}'
            peer.send(Frame(Kind.RAN, (run.fields[0], b"exited", b"1", error, b"")))
            answer = peer.receive()
            assert answer is not None
            assert b"1" == answer.fields[0]
            assert b"Link missing" in answer.fields[1]
            assert b"no such file" not in answer.fields[1]

    _serve(conversation)


def test_a_shim_of_another_release_is_refused() -> None:
    """With the reason."""

    def conversation(path: Path) -> None:
        peer = ShimSide(path)
        with peer.socket:
            peer.send(Frame(Kind.HELLO, (b"netattach", b"7", b"9", b"test")))
            refusal = peer.receive()
            assert refusal is not None
            assert Kind.REFUSE is refusal.kind
            assert b"speaks versions 1 to 3 of the shim protocol, the shim 7 to 9" in refusal.fields[0]
            assert None is peer.receive()

    _serve(conversation)


def test_a_shim_that_disconnects_during_a_run_ends_its_own_call() -> None:
    """The next one is served."""

    def conversation(path: Path) -> None:
        with _called(path, *DEL) as peer:
            assert peer.receive() is not None
        assert (b"0", b"") == _answer_of_a_delete(path)

    _serve(conversation)


def test_a_result_without_a_run_ends_the_call() -> None:
    """A peer that violates the protocol is disconnected."""

    def conversation(path: Path) -> None:
        with _called(path, *DEL) as peer:
            assert peer.receive() is not None
            peer.send(Frame(Kind.RAN, (b"99", b"exited", b"0", b"", b"")))
            answer = peer.receive()
            assert answer is None or answer.fields[0] == b"1"
        assert (b"0", b"") == _answer_of_a_delete(path)

    _serve(conversation)


@settings(max_examples=20)
@given(st.lists(st.binary(max_size=200), max_size=3))
def test_garbage_ends_its_own_connection(chunks: list[bytes]) -> None:
    """The next call is served."""

    def conversation(path: Path) -> None:
        peer = ShimSide(path)
        with peer.socket, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for chunk in chunks:
                peer.socket.sendall(chunk)
        assert (b"0", b"") == _answer_of_a_delete(path)

    _serve(conversation)


def test_two_calls_for_one_sandbox_run_one_by_one() -> None:
    """Kubernetes Network Plumbing Working Group spec, section 7.3; a runtime that timed out may have two running."""

    def conversation(path: Path) -> None:
        with _called(path, *DEL) as first, _called(path, *DEL) as second:
            run = first.receive()
            assert run is not None
            second.socket.settimeout(0.2)
            with pytest.raises(TimeoutError):
                second.receive()
            second.socket.settimeout(10)
            first.send(Frame(Kind.RAN, (run.fields[0], b"exited", b"0", b"", b"")))
            started = second.receive()
            assert started is not None
            assert Kind.RUN is started.kind

    _serve(conversation)


@pytest.mark.parametrize(
    ("present", "mode"), [((), 0o700), (("cni.sock",), 0o700), (("other",), 0o755)], ids=str
)
def test_the_directory_of_the_socket_is_closed_to_others(
    tmp_path: Path, present: tuple[str, ...], mode: int
) -> None:
    """The kubelet creates it for the mount; one with other files is left alone."""
    tmp_path.chmod(0o755)
    for name in present:
        (tmp_path / name).touch()
    with _server(tmp_path / "cni.sock")._listen():
        assert mode == tmp_path.stat().st_mode & 0o777


def test_the_liveness_probe_fails_without_the_socket(tmp_path: Path) -> None:
    """A restart has to create one where the daemon cannot."""
    path = tmp_path / "cni.sock"
    server = _server(path)
    assert "no shim can connect" in str(server.problem())

    with server._listen():
        assert None is server.problem()
        path.unlink()
        assert "is not the daemon's socket" in str(server.problem())


def test_a_socket_that_is_removed_is_created_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its directory; a running call goes on."""
    monkeypatch.setattr(server_module, "_CHECK_INTERVAL", 0.01)

    def conversation(path: Path) -> None:
        with _called(path, *DEL) as peer:
            run = peer.receive()
            assert run is not None
            shutil.rmtree(path.parent)
            deadline = time.monotonic() + 10
            while not path.exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            peer.send(Frame(Kind.RAN, (run.fields[0], b"exited", b"0", b"", b"")))
            answer = peer.receive()
            assert answer is not None
            assert b"0" == answer.fields[0]
        assert (b"0", b"") == _answer_of_a_delete(path)
        assert 0o700 == path.parent.stat().st_mode & 0o777

    _serve(conversation)


def test_a_daemon_that_ends_leaves_its_successors_socket(tmp_path: Path) -> None:
    """During a rolling update both run for a moment."""
    path = tmp_path / "cni.sock"

    async def story() -> None:
        first_stop, second_stop = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(_server(path).serve(first_stop, drain=1))
            await asyncio.sleep(0)
            tasks.create_task(_server(path).serve(second_stop, drain=1))
            await asyncio.sleep(0)
            first_stop.set()
            await first
            try:
                assert (b"0", b"") == await asyncio.to_thread(_answer_of_a_delete, path)
            finally:
                second_stop.set()

    asyncio.run(story())
    assert not path.exists()


def test_status_is_not_queued() -> None:
    """A node that attaches as many pods as it can is ready all the same."""
    stdin = b'{"cniVersion":"1.1.0","name":"netattach","type":"netattach"}'

    def conversation(path: Path) -> None:
        other = (b"CNI_COMMAND=DEL", b"CNI_CONTAINERID=c2", b"CNI_IFNAME=eth0")
        third = (b"CNI_COMMAND=DEL", b"CNI_CONTAINERID=c3", b"CNI_IFNAME=eth0")
        with _called(path, *DEL) as first, _called(path, *other) as second:
            assert first.receive() is not None
            assert second.receive() is not None
            with (
                _called(path, *third) as waiting,
                _called(path, b"CNI_COMMAND=STATUS", stdin=stdin) as status,
            ):
                answer = status.receive()
                assert answer is not None
                assert (Kind.ANSWER, b"0") == (answer.kind, answer.fields[0])
                waiting.socket.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    waiting.receive()

    _serve(conversation)


def test_a_failed_delete_is_retried_over_the_shim_of_another_sandbox() -> None:
    """Here the runtime calls for another sandbox only."""

    async def story(directory: Path) -> None:
        stop, server = asyncio.Event(), _server(directory / "run/cni.sock")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(stop, drain=1))
            await asyncio.sleep(0)
            try:
                await asyncio.to_thread(fail, directory / "run/cni.sock")
                assert "c1" in server._pending
                server._pending.add("c1")
                await asyncio.to_thread(retry, directory / "run/cni.sock")
                assert "c1" not in server._pending
            finally:
                stop.set()

    def fail(path: Path) -> None:
        with _called(path, *DEL) as peer:
            run = peer.receive()
            assert run is not None
            peer.send(Frame(Kind.RAN, (run.fields[0], b"exited", b"1", b"", b"")))
            answer = peer.receive()
            assert answer is not None
            assert b"1" == answer.fields[0]

    def retry(path: Path) -> None:
        with _called(path, b"CNI_COMMAND=DEL", b"CNI_CONTAINERID=c2", b"CNI_IFNAME=eth0") as peer:
            for container_id in (b"c1", b"c2"):
                run = peer.receive()
                assert run is not None
                assert b"CNI_CONTAINERID=" + container_id in run.fields
                peer.send(Frame(Kind.RAN, (run.fields[0], b"exited", b"0", b"", b"")))
            answer = peer.receive()
            assert answer is not None
            assert b"0" == answer.fields[0]

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(story(Path(directory)))


def test_each_line_of_a_call_names_its_pod_and_its_container(capsys: pytest.CaptureFixture[str]) -> None:
    """Also those of calls at once; a pod's name cannot add a line, nor a value."""
    forged = b"CNI_ARGS=K8S_POD_NAMESPACE=a;K8S_POD_NAME=w\nx pod=b/1"

    def conversation(path: Path) -> None:
        with (
            _called(path, *DEL, forged) as first,
            _called(path, DEL[0], b"CNI_CONTAINERID=c2", DEL[2]) as second,
        ):
            for peer in (first, second):
                run = peer.receive()
                assert run
                peer.send(Frame(Kind.RAN, (run.fields[0], b"exited", b"7", b"no\nluck", b"")))
            for peer in (first, second):
                assert peer.receive()

    with logs.handled():
        _serve(conversation)

    lines = capsys.readouterr().err.splitlines()
    mine = [line for line in lines if ' command=DEL container=c1 pod="a/w\\nx pod=b/1"' in line]
    others = [line for line in lines if line.endswith(" command=DEL container=c2")]
    assert len(lines) == len(mine) + len(others)
    for each in (mine, others):
        assert any(' WARNING netattach_plugin.calls.server "DEL failed: ' in line for line in each)
        assert any(' INFO netattach_plugin.calls.server "DEL took ' in line for line in each)
