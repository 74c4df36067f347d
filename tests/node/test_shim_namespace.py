"""What the shim passes of the pod's network namespace: its descriptor, and sockets in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from netattach_core.shim import protocol
from netattach_core.shim.protocol import Sysctl
from support.build import shim_under_test
from support.shim_calls import TRY_AGAIN
from support.shim_peer import Host, sleeping_in_new_namespace

SIOCGSKNS = 0x894C


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with Host(shim_under_test(), tmp_path) as host:
        yield host


@pytest.fixture
def pod() -> Iterator[int]:
    """A process that sleeps in a new network namespace."""
    with sleeping_in_new_namespace() as holder:
        yield holder.pid


@pytest.mark.parametrize("path", ["/proc/self/ns/net", "{tmp}/netns"])
def test_the_namespace_is_passed_as_a_descriptor(host: Host, tmp_path: Path, path: str) -> None:
    """The descriptor is of the file that CNI_NETNS names."""
    netns = path.format(tmp=tmp_path)
    (tmp_path / "netns").touch()
    host.start(CNI_NETNS=netns)

    host.daemon.call()

    assert os.fstat(host.daemon.descriptors[0]).st_ino == Path(netns).stat().st_ino


def test_an_add_passes_two_unbound_route_sockets_in_the_pods_namespace(host: Host, pod: int) -> None:
    """The daemon may not enter it; the shim itself, and so its plugins, stay in the node's."""
    host.plugin("where", "readlink /proc/self/ns/net")
    shim = host.start(CNI_NETNS=f"/proc/{pod}/ns/net")
    host.daemon.call()
    netns, *descriptors = host.daemon.descriptors
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(fileno=os.dup(each))) for each in descriptors]

        assert [(socket.AF_NETLINK, socket.NETLINK_ROUTE)] * 2 == [(s.family, s.proto) for s in sockets]
        assert [(0, 0)] * 2 == [each.getsockname() for each in sockets]
        assert [os.fstat(netns).st_ino] * 2 == [_namespace_of(each) for each in sockets]
    assert Path("/proc/self/ns/net").readlink() == Path(host.daemon.run("where").stdout.decode().strip())
    host.daemon.answer(0)
    assert (0, b"") == shim.end()


@pytest.mark.parametrize("command", ["ADD", "DEL"])
def test_a_shim_that_cannot_return_from_the_pods_namespace_fails(host: Host, command: str) -> None:
    """With code 11, and before a plugin would be started there. Its user namespace has the pod's namespace and not the node's."""
    with sleeping_in_new_namespace("--user", "--map-root-user") as pod:
        through = ["nsenter", f"--user=/proc/{pod.pid}/ns/user", "--preserve-credentials"]
        shim = host.start_open(command, through=through, CNI_NETNS=f"/proc/{pod.pid}/ns/net")
        shim.feed(b"{}")
        if command == "ADD":
            host.daemon.greet()
        else:
            host.daemon.call()
            host.daemon.send(protocol.sysctls_frame(1, [Sysctl("net/ipv4/conf/lo/tag", "1")]))
        error = shim.error()

    assert TRY_AGAIN == error["code"]
    assert "cannot return" in str(error["msg"])


@pytest.mark.parametrize(
    ("command", "version"), [("DEL", 2), ("CHECK", 2), ("ADD", 1)], ids=["DEL", "CHECK", "earlier daemon"]
)
def test_other_calls_and_earlier_daemons_get_the_namespace_alone(
    host: Host, command: str, version: int
) -> None:
    host.daemon.version = version
    host.start(command, CNI_NETNS="/proc/self/ns/net")

    host.daemon.call()

    assert 1 == len(host.daemon.descriptors)


def test_a_file_that_is_no_namespace_is_passed_alone(host: Host, tmp_path: Path) -> None:
    (tmp_path / "netns").touch()
    host.start(CNI_NETNS=str(tmp_path / "netns"))

    host.daemon.call()

    assert 1 == len(host.daemon.descriptors)


@pytest.mark.parametrize("command", ["ADD", "DEL"])
def test_a_missing_namespace_is_left_to_the_daemon(host: Host, command: str) -> None:
    """A path that cannot be opened: a CALL without a descriptor."""
    shim = host.calling(command, CNI_NETNS="/var/run/netns/gone")
    host.daemon.answer(0)

    assert host.daemon.descriptors == []
    assert shim.end() == (0, b"")


def _namespace_of(inside: socket.socket) -> int:
    """The inode of the network namespace that a socket is in."""
    descriptor = fcntl.ioctl(inside, SIOCGSKNS)
    try:
        return os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)
