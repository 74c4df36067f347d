"""Sockets in a pod's network namespace: the shim's where it has passed some, else the daemon's own."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netattach_core.errors import EnvironmentVariableError, TryAgainError
from netattach_plugin.netlink import sockets
from netattach_plugin.netlink.node_links import NetlinkLinks
from support import require

_OPEN = Path("/proc/self/fd")


@pytest.fixture
def passed() -> Iterator[tuple[int, int]]:
    """Two route sockets, in our own namespace."""
    opened = [socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, socket.NETLINK_ROUTE) for _ in range(2)]
    yield opened[0].fileno(), opened[1].fileno()
    for each in opened:
        each.close()


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon without CAP_SYS_ADMIN."""

    def refuse(_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(sockets, "_enter", refuse)


def _names(netns: int, passed: tuple[int, ...]) -> frozenset[str]:
    async def story() -> frozenset[str]:
        async with NetlinkLinks().open(netns, passed) as links, links.routes() as routes:
            await routes.all()
            return await links.existing([*(name for _, name in socket.if_nameindex()), "absent"])

    return asyncio.run(story())


@pytest.mark.usefixtures("forbidden")
def test_over_passed_sockets_links_and_routes_are_listed_without_entering_the_namespace(
    passed: tuple[int, int],
) -> None:
    assert frozenset(name for _, name in socket.if_nameindex()) == _names(-1, passed)


@pytest.mark.usefixtures("forbidden")
def test_the_passed_descriptors_stay_with_the_connection(passed: tuple[int, int]) -> None:
    before = len(list(_OPEN.iterdir()))

    _names(-1, passed)

    assert all(os.fstat(descriptor) for descriptor in passed)
    assert len(list(_OPEN.iterdir())) <= before + 1  # the opener's own namespace


@pytest.mark.usefixtures("forbidden")
def test_without_sockets_and_without_the_privilege_the_runtime_tries_again() -> None:
    """An ADD of the shim of the release before, which waited while daemon and shim were replaced."""
    with pytest.raises(TryAgainError, match="an earlier release"):
        _names(-1, ())


def test_what_is_no_namespace_is_an_error_of_the_runtimes() -> None:
    with Path(os.devnull).open() as file, pytest.raises(EnvironmentVariableError, match="CNI_NETNS"):
        _names(file.fileno(), ())


@pytest.mark.parametrize("kind", ["file", "unix socket", "other netlink"])
def test_only_route_sockets_are_taken_from_a_shim(kind: str) -> None:
    """And no descriptor is left open."""
    opened: socket.socket | None = None
    match kind:
        case "file":
            descriptor = os.open(os.devnull, os.O_RDONLY)
        case "unix socket":
            opened = socket.socket(socket.AF_UNIX)
            descriptor = opened.fileno()
        case _:
            opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)  # NETLINK_GENERIC
            descriptor = opened.fileno()
    links = NetlinkLinks()
    before = set(_OPEN.iterdir())

    async def story() -> None:
        async with links.open(-1, (descriptor, descriptor)):
            pass

    with pytest.raises(EnvironmentVariableError, match="CNI_NETNS"):
        asyncio.run(story())

    assert before == set(_OPEN.iterdir())
    if opened:
        opened.close()
    else:
        os.close(descriptor)


WAITING = """
import asyncio, socket, subprocess
from netattach_plugin.netlink.node_links import NetlinkLinks

async def story():
    route = [socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) for _ in range(2)]
    async with NetlinkLinks().open(-1, [each.fileno() for each in route]) as links:
        waiting = [asyncio.create_task(links.appeared(name)) for name in ("later0", "renamed0", "lo")]
        await asyncio.sleep(0.1)
        assert [False, False, True] == [each.done() for each in waiting]
        for command in ("link add later0 type veth peer name other0", "link set other0 name renamed0"):
            subprocess.run(["ip", *command.split()], check=True)
        await asyncio.wait_for(asyncio.gather(*waiting), 60)
        assert {"lo", "later0"} == await links.existing(["lo", "later0", "other0"])

asyncio.run(story())
"""


def test_a_link_is_noticed_when_it_appears_also_by_a_new_name() -> None:
    shown = subprocess.run(
        require.in_new_namespace(sys.executable, "-c", WAITING), capture_output=True, text=True, check=False
    )

    assert 0 == shown.returncode, shown.stderr
