"""Sysctls that the shim writes for the daemon: in the pod's network namespace or the node's, and nothing else."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from netattach_core.shim import protocol
from netattach_core.shim.protocol import Frame, Kind, Sysctl
from support import build
from support.build import shim_under_test
from support.shim_calls import TRY_AGAIN
from support.shim_peer import Host, Shim, alive, children, sleeping_in_new_namespace

ARP = "net/ipv4/conf/lo/arp_notify"
TAG = "net/ipv4/conf/lo/tag"
"""Any number can be written, and has no effect."""

OTHER = Path("/proc/sys/kernel/panic")
UNDECODABLE = 6


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with Host(shim_under_test(), tmp_path) as host:
        yield host


@pytest.fixture
def pod() -> Iterator[int]:
    """A process in the pod's namespace."""
    with sleeping_in_new_namespace() as holder:
        yield holder.pid


@pytest.fixture
def node() -> Iterator[int]:
    """A process in the namespace that the shim is started in, which is not that of this machine."""
    with sleeping_in_new_namespace() as holder:
        yield holder.pid


def _namespace(pid: int) -> str:
    return f"/proc/{pid}/ns/net"


def _value(pid: int, path: str) -> str:
    command = ["nsenter", f"--net={_namespace(pid)}", "cat", f"/proc/sys/{path}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _calling(host: Host, node: int, command: str = "ADD", **variables: str) -> Shim:
    """A shim in the node's namespace, after its CALL."""
    shim = host.start_open(command, through=["nsenter", f"--net={_namespace(node)}"], **variables)
    shim.feed(b"{}")
    host.daemon.call()
    return shim


@pytest.mark.parametrize("command", ["ADD", "CHECK", "DEL"])
@pytest.mark.parametrize("in_pod", [True, False], ids=["pod", "node"])
def test_a_value_is_written_in_one_namespace_alone(
    host: Host, node: int, pod: int, command: str, *, in_pod: bool
) -> None:
    _calling(host, node, command, CNI_NETNS=_namespace(pod))

    assert (0, 0) == host.daemon.write(Sysctl(ARP, "1", in_pod=in_pod), Sysctl(TAG, "-7", in_pod=in_pod))
    written, other = (pod, node) if in_pod else (node, pod)
    assert ("1", "-7") == (_value(written, ARP), _value(written, TAG))
    assert ("0", "0") == (_value(other, ARP), _value(other, TAG))


def test_values_are_written_in_order_in_both_namespaces(host: Host, node: int, pod: int) -> None:
    """Those of one file overwrite each other; a plugin that is started then is in the node's namespace."""
    host.plugin("where", "readlink /proc/self/ns/net")
    shim = _calling(host, node, CNI_NETNS=_namespace(pod))
    values = [Sysctl(TAG, str(number), in_pod=number % 3 > 0) for number in range(64)]

    assert (0,) * 64 == host.daemon.write(*values)
    assert ("62", "63") == (_value(pod, TAG), _value(node, TAG))
    assert str(Path(_namespace(node)).readlink()) == host.daemon.run("where").stdout.decode().strip()
    host.daemon.answer(0)
    assert (0, b"") == shim.end()


def test_each_failure_has_its_errno_and_the_others_are_written(host: Host, node: int, pod: int) -> None:
    _calling(host, node, CNI_NETNS=_namespace(pod))

    assert (
        errno.ENOENT,
        errno.EACCES,
        errno.EISDIR,
        errno.EINVAL,
        errno.EINVAL,
        0,
    ) == host.daemon.write(
        Sysctl("net/ipv4/conf/absent/tag", "1"),
        Sysctl("net/ipv4/conf/lo/mc_forwarding", "1"),
        Sysctl("net/ipv4/conf", "1"),
        Sysctl(ARP, "yes"),
        Sysctl(ARP, "0 1"),
        Sysctl(TAG, "5"),
    )
    assert ("0", "5") == (_value(pod, ARP), _value(pod, TAG))


def test_the_longest_path_and_value_are_accepted(host: Host, node: int, pod: int) -> None:
    """255 bytes each; one more is refused."""
    _calling(host, node, CNI_NETNS=_namespace(pod))
    path, value = "net/" + "a" * 251, " " * 254 + "3"

    assert (errno.ENOENT, 0) == host.daemon.write(Sysctl(path, "1"), Sysctl(TAG, value))
    assert (errno.EINVAL,) * 2 == host.daemon.write(Sysctl(path + "a", "1"), Sysctl(TAG, " " + value))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "net",
        "net/",
        "netx/ipv4/conf/lo/tag",
        "kernel/panic",
        "/net/ipv4/conf/lo/tag",
        "/proc/sys/kernel/panic",
        "../sys/net/ipv4/conf/lo/tag",
        "net/../kernel/panic",
        "net/ipv4/../../kernel/panic",
        "net/ipv4/..",
        "net/./ipv4/conf/lo/tag",
        "net/ipv4/conf/lo/.",
        "net//ipv4/conf/lo/tag",
        "net/ipv4/conf/lo/tag/",
        "net/ipv4/conf/lo/tag\0x",
        "net/../../../proc/self/comm",
    ],
)
@pytest.mark.parametrize("in_pod", [True, False], ids=["pod", "node"])
def test_nothing_but_files_below_net_is_written(
    host: Host, node: int, pod: int, path: str, *, in_pod: bool
) -> None:
    """The value is that of the file which a shim that followed such a path would write."""
    value = OTHER.read_text().strip()
    _calling(host, node, CNI_NETNS=_namespace(pod))

    assert (errno.EINVAL, 0) == host.daemon.write(
        Sysctl(path, value, in_pod=in_pod), Sysctl(ARP, "1", in_pod=in_pod)
    )
    assert "0" == _value(pod if in_pod else node, TAG)


@pytest.mark.parametrize("value", ["", "1\0", "1" * 256], ids=["empty", "NUL", "too long"])
def test_a_value_that_is_none_is_refused(host: Host, node: int, pod: int, value: str) -> None:
    _calling(host, node, CNI_NETNS=_namespace(pod))

    assert (errno.EINVAL,) == host.daemon.write(Sysctl(TAG, value))
    assert "0" == _value(pod, TAG)


@pytest.mark.parametrize(
    ("netns", "reason"),
    [("", errno.ENOENT), ("/run/netns/gone", errno.ENOENT), ("/proc/self/comm", errno.EINVAL)],
    ids=["none", "gone", "another file"],
)
def test_without_a_namespace_only_the_nodes_are_written(
    host: Host, node: int, netns: str, reason: int
) -> None:
    _calling(host, node, "DEL", CNI_NETNS=netns)

    assert (reason, 0) == host.daemon.write(Sysctl(TAG, "1"), Sysctl(ARP, "1", in_pod=False))
    assert ("0", "1") == (_value(node, TAG), _value(node, ARP))


def test_sysctls_are_written_while_plugins_run(host: Host, node: int, pod: int) -> None:
    """Two frames at once have an answer each, with its id."""
    host.plugin("hangs", 'echo $$ > "$DIRECTORY/hangs"; exec sleep 300')
    _calling(host, node, CNI_NETNS=_namespace(pod))
    host.daemon.start("hangs", id=1)
    host.numbers("hangs")
    frames = [protocol.sysctls_frame(id_, [Sysctl(TAG, str(id_))]) for id_ in (1, 2)]
    host.daemon.send_bytes(b"".join(map(protocol.encode, frames)))

    reports = [protocol.errnos(host.daemon.frame()) for _ in frames]
    assert [(1, (0,)), (2, (0,))] == [(report.id, report.errnos) for report in reports]
    assert "2" == _value(pod, TAG)


def test_a_cancelled_call_writes_what_the_daemon_undoes(host: Host, node: int, pod: int) -> None:
    """The runtime kills the shim; the daemon goes on until its answer."""
    shim = _calling(host, node, CNI_NETNS=_namespace(pod))
    assert (0,) == host.daemon.write(Sysctl(TAG, "1"))
    shim.kill()

    assert Kind.CANCEL == host.daemon.frame().kind
    assert (0, 0) == host.daemon.write(Sysctl(TAG, "2"), Sysctl(TAG, "3", in_pod=False))
    assert ("2", "3") == (_value(pod, TAG), _value(node, TAG))


def test_a_namespace_without_processes_is_written_until_the_call_ends(host: Host, node: int) -> None:
    """The pod's processes have ended, and the descriptor keeps the namespace."""
    with sleeping_in_new_namespace() as holder:
        _calling(host, node, CNI_NETNS=_namespace(holder.pid))

    assert (0,) == host.daemon.write(Sysctl(TAG, "1"))


def test_a_shim_that_is_killed_meanwhile_has_written_in_the_pod_alone(
    host: Host, node: int, pod: int
) -> None:
    """Its plugins end, too, and the runtime tries again."""
    host.plugin("hangs", 'echo $$ > "$DIRECTORY/hangs"; exec sleep 300')
    shim = _calling(host, node, CNI_NETNS=_namespace(pod))
    (worker,) = children(shim.process.pid)
    host.daemon.start("hangs")
    hanging = host.numbers("hangs")
    host.daemon.send(protocol.sysctls_frame(1, [Sysctl(TAG, str(number)) for number in range(5000)]))
    os.kill(worker, signal.SIGKILL)

    assert TRY_AGAIN == shim.error()["code"]
    assert int(_value(pod, TAG)) in range(5000)
    assert "0" == _value(node, TAG)
    assert [] == alive(hanging)


@pytest.mark.parametrize(
    "fields",
    [(), (b"x",), (b"1", b"pod", b"net/ipv4/ip_forward"), (b"1", b"host", b"net/ipv4/ip_forward", b"1")],
    ids=["no id", "no number", "no value", "elsewhere"],
)
def test_a_frame_without_the_fields_of_one_ends_the_call(
    host: Host, node: int, fields: tuple[bytes, ...]
) -> None:
    shim = _calling(host, node)
    host.daemon.send(Frame(Kind.SYSCTLS, fields))

    assert UNDECODABLE == shim.error()["code"]


@pytest.mark.parametrize("version", [1, 2])
def test_a_daemon_of_an_earlier_version_cannot_ask_for_any(
    host: Host, node: int, pod: int, version: int
) -> None:
    """It does not know the frame. All else works as before."""
    host.plugin("runs", "echo done")
    host.daemon.version = version
    shim = _calling(host, node, CNI_NETNS=_namespace(pod))
    assert b"done\n" == host.daemon.run("runs").stdout
    host.daemon.send(protocol.sysctls_frame(1, [Sysctl(TAG, "1")]))

    assert UNDECODABLE == shim.error()["code"]
    assert "0" == _value(pod, TAG)


@pytest.mark.parametrize(("version", "passed"), [(1, 1), (2, 3)])
def test_a_shim_of_an_earlier_version_does_not_offer_more(
    tmp_path: Path, pod: int, version: int, passed: int
) -> None:
    """A daemon of this release sees that it writes no sysctls; the rest is as it was."""
    with Host(build.shim_of_protocol(version), tmp_path) as host:
        host.daemon.version = version
        shim = host.start(CNI_NETNS=_namespace(pod))

        assert range(1, version + 1) == protocol.hello_versions(host.daemon.greet())
        assert Kind.CALL == host.daemon.frame().kind
        assert passed == len(host.daemon.descriptors)
        host.daemon.answer(0)
        assert (0, b"") == shim.end()
