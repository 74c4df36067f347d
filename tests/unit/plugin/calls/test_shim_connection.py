"""What a shim passes with its call, and the version that both agree on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from netattach_core.shim import protocol
from netattach_core.shim.protocol import Decoder, Frame, Kind
from netattach_plugin.calls.shim_connection import ShimConnection

_OPEN = Path("/proc/self/fd")
CALL = protocol.encode(Frame(Kind.CALL, (b"{}", b"CNI_COMMAND=ADD")))


def _with_shim(story: Callable[[ShimConnection, socket.socket], Awaitable[None]]) -> None:
    async def connected() -> None:
        ours, theirs = socket.socketpair()
        connection = ShimConnection(ours)
        try:
            await story(connection, theirs)
        finally:
            connection.close()
            theirs.close()

    asyncio.run(connected())


def _descriptors() -> set[Path]:
    return set(_OPEN.iterdir())


@pytest.mark.parametrize(("count", "sockets"), [(0, 0), (1, 0), (2, 0), (3, 2)])
def test_a_call_has_its_namespace_and_both_sockets_or_none(count: int, sockets: int) -> None:
    """One alone is of no use: the shim could not open the second."""

    async def story(connection: ShimConnection, shim: socket.socket) -> None:
        socket.send_fds(shim, [CALL], [0] * count)
        await connection.call()

        assert (count > 0) is (connection.netns is not None)
        assert sockets == len(connection.route_sockets)
        assert connection.netns not in connection.route_sockets

    _with_shim(story)


def test_all_descriptors_are_closed_with_the_connection_and_surplus_ones_at_once() -> None:
    """A shim that goes on passing some does not use up the daemon's."""
    before = _descriptors()

    async def story(connection: ShimConnection, shim: socket.socket) -> None:
        inside = _descriptors()
        for byte in CALL:
            socket.send_fds(shim, [bytes([byte])], [0] * 5)
        await connection.call()

        assert protocol.DESCRIPTORS == len(_descriptors() - inside)

    _with_shim(story)
    assert before == _descriptors()


@pytest.mark.parametrize(
    ("offered", "agreed"), [((1, 1), 1), ((1, 2), 2), ((1, 3), 3), ((3, 3), 3), ((3, 9), 3)], ids=str
)
def test_the_highest_version_that_both_speak_is_agreed_on(offered: Sequence[int], agreed: int) -> None:
    async def story(connection: ShimConnection, shim: socket.socket) -> None:
        versions = [b"%d" % version for version in offered]
        shim.sendall(protocol.encode(Frame(Kind.HELLO, (protocol.MAGIC, *versions, b"test"))))
        await connection.greet()

        assert [Frame(Kind.WELCOME, (b"%d" % agreed,))] == Decoder().feed(shim.recv(100))

    _with_shim(story)
