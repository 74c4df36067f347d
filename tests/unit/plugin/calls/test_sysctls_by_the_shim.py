"""Sysctls that the shim writes for the daemon: each caller gets its own errnos, or learns that the shim is gone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

import pytest

from netattach_core.errors import TryAgainError
from netattach_core.shim import protocol
from netattach_core.shim.protocol import Decoder, Frame, Kind, Outcome, Sysctl
from netattach_plugin.calls.shim_connection import ShimConnection

NDISC, ARP = Sysctl("net/ipv6/conf/net1/ndisc_notify", "1"), Sysctl("net/ipv4/conf/net1/arp_notify", "1")
GREETED = protocol.VERSIONS.stop - 1


class Shim:
    """The other end of a connection, frame by frame."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.socket = connection
        self._decoder = Decoder()
        self._frames: list[Frame] = []

    async def frame(self) -> Frame:
        while not self._frames:
            self._frames += self._decoder.feed(await asyncio.get_running_loop().sock_recv(self.socket, 65536))
        return self._frames.pop(0)

    def send(self, frame: Frame, descriptors: Sequence[int] = ()) -> None:
        socket.send_fds(self.socket, [protocol.encode(frame)], descriptors)

    def report(self, id_: bytes, *errnos: int) -> None:
        self.send(Frame(Kind.ERRNOS, (id_, *(b"%d" % errno for errno in errnos))))


def _in_call(
    story: Callable[[ShimConnection, Shim], Awaitable[None]], version: int = GREETED, descriptors: int = 3
) -> None:
    """The story after the CALL of a shim that speaks up to this version; the connection is listened to."""

    async def connected() -> None:
        ours, theirs = socket.socketpair()
        connection, shim = ShimConnection(ours), Shim(theirs)
        shim.send(Frame(Kind.HELLO, (protocol.MAGIC, b"1", b"%d" % version, b"test")))
        await connection.greet()
        await shim.frame()
        shim.send(Frame(Kind.CALL, (b"{}", b"CNI_COMMAND=ADD")), [theirs.fileno()] * descriptors)
        await connection.call()
        listening = asyncio.create_task(connection.listen())
        try:
            await story(connection, shim)
        finally:
            listening.cancel()
            connection.close()
            theirs.close()

    asyncio.run(asyncio.wait_for(connected(), 10))


def test_the_errnos_are_in_the_order_of_the_sysctls() -> None:
    async def story(connection: ShimConnection, shim: Shim) -> None:
        writing = asyncio.create_task(connection.write_sysctls([NDISC, ARP]))
        frame = await shim.frame()
        shim.report(frame.fields[0], 0, 2)

        assert protocol.sysctls_frame(1, [NDISC, ARP]) == frame
        assert (0, 2) == tuple(await writing)

    _in_call(story)


def test_each_of_several_callers_gets_its_own_errnos() -> None:
    """Whatever is reported first; a plugin with the same id runs meanwhile."""

    async def story(connection: ShimConnection, shim: Shim) -> None:
        running = asyncio.create_task(connection.run("macvlan", b"", {}, 1.0))
        run = await shim.frame()
        first = asyncio.create_task(connection.write_sysctls([NDISC]))
        one = await shim.frame()
        second = asyncio.create_task(connection.write_sysctls([ARP]))
        other = await shim.frame()
        shim.report(other.fields[0], 22)
        shim.report(one.fields[0], 0)

        assert ((0,), (22,)) == (tuple(await first), tuple(await second))
        assert run.fields[0] == one.fields[0]
        assert not running.done()
        shim.send(Frame(Kind.RAN, (run.fields[0], b"exited", b"0", b"", b"")))
        assert Outcome.EXITED == (await running).outcome

    _in_call(story)


def test_a_late_answer_to_a_caller_that_was_cancelled_is_dropped() -> None:
    """The connection goes on."""

    async def story(connection: ShimConnection, shim: Shim) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.write_sysctls([NDISC]), 0.01)
        writing = asyncio.create_task(connection.write_sysctls([ARP]))
        late, current = await shim.frame(), await shim.frame()
        shim.report(late.fields[0], 1)
        shim.report(current.fields[0], 0)

        assert (0,) == tuple(await writing)
        assert not connection.cancelled

    _in_call(story)


def test_a_cancelled_call_goes_on_writing() -> None:
    """What the daemon undoes may need some, as it may need plugins."""

    async def story(connection: ShimConnection, shim: Shim) -> None:
        shim.send(Frame(Kind.CANCEL))
        await connection.cancellation.wait()
        writing = asyncio.create_task(connection.write_sysctls([NDISC]))
        shim.report((await shim.frame()).fields[0], 0)

        assert (0,) == tuple(await writing)

    _in_call(story)


@pytest.mark.parametrize(
    "reported", [None, (b"1",), (b"1", b"0", b"0"), (b"9", b"0"), (b"1", b"x"), ()], ids=str
)
def test_a_shim_that_goes_away_or_lies_is_gone(reported: tuple[bytes, ...] | None) -> None:
    """It was killed; reports too few or too many errnos, those of another frame, or none."""

    async def story(connection: ShimConnection, shim: Shim) -> None:
        writing = asyncio.create_task(connection.write_sysctls([NDISC]))
        await shim.frame()
        if reported is None:
            shim.socket.shutdown(socket.SHUT_RDWR)
        else:
            shim.send(Frame(Kind.ERRNOS, reported))

        with pytest.raises(TryAgainError, match="the shim is gone"):
            await writing

    _in_call(story)


def test_a_shim_that_is_gone_is_asked_for_nothing() -> None:
    async def story(connection: ShimConnection, shim: Shim) -> None:
        shim.socket.shutdown(socket.SHUT_RDWR)
        await connection.cancellation.wait()

        with pytest.raises(TryAgainError, match="the shim is gone"):
            await connection.write_sysctls([NDISC])

    _in_call(story)


@pytest.mark.parametrize("version", [1, 2])
def test_a_shim_of_an_earlier_release_gets_no_frame_that_it_does_not_know(version: int) -> None:
    async def story(connection: ShimConnection, shim: Shim) -> None:
        with pytest.raises(TryAgainError, match="an earlier release"):
            await connection.write_sysctls([NDISC])
        await connection.answer(0, b"")

        assert Kind.ANSWER == (await shim.frame()).kind

    _in_call(story, version)


@pytest.mark.parametrize(
    ("version", "descriptors", "writes"),
    [(2, 3, False), (3, 3, True), (3, 1, False), (3, 0, False), (9, 3, True)],
)
def test_native_links_need_version_3_and_both_route_sockets(
    version: int, descriptors: int, *, writes: bool
) -> None:
    async def story(connection: ShimConnection, _: Shim) -> None:
        assert writes is connection.writes_sysctls

    _in_call(story, version, descriptors)
