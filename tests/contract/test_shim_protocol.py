"""The bytes of the frames that shims of other releases read and write: a change here is a new version of the protocol."""

from __future__ import annotations

from netattach_core.shim import protocol
from netattach_core.shim.protocol import Decoder, Errnos, Kind, Sysctl


def test_version_3_is_the_first_with_sysctls() -> None:
    assert range(1, 4) == protocol.VERSIONS
    assert 3 == protocol.SYSCTLS_VERSION


def test_kinds_are_letters() -> None:
    """None is used twice."""
    assert "HWXCRDSEKA" == "".join(map(chr, Kind))


def test_bytes_of_sysctls() -> None:
    """The id, and three fields for each sysctl."""
    sysctls = [Sysctl("net/ipv4/conf/a.b/arp_notify", "1"), Sysctl("net/ipv4/ip_forward", "0", in_pod=False)]

    assert protocol.encode(protocol.sysctls_frame(12, sysctls)) == (
        b"\x56\0\0\0S"
        b"\x02\0\0\x0012"
        b"\x03\0\0\0pod\x1c\0\0\0net/ipv4/conf/a.b/arp_notify\x01\0\0\x001"
        b"\x04\0\0\0node\x13\0\0\0net/ipv4/ip_forward\x01\0\0\x000"
    )


def test_bytes_of_errnos() -> None:
    """The id of the SYSCTLS, and a number for each of its sysctls."""
    (frame,) = Decoder().feed(b"\x11\0\0\0E\x02\0\0\x0012\x01\0\0\x000\x02\0\0\x0022")

    assert Errnos(12, (0, 22)) == protocol.errnos(frame)
