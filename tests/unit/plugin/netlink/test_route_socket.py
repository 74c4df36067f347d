"""Responses of the kernel, one by one."""

from __future__ import annotations

import errno
import itertools
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from netattach_plugin.netlink import wire
from netattach_plugin.netlink.route_socket import RouteSocket

LINK, ERROR, DONE = 16, 2, 3  # RTM_NEWLINK, NLMSG_ERROR, NLMSG_DONE


class Kernel:
    """A route socket whose responses are `datagrams`; `received` counts those that were read."""

    def __init__(self, datagrams: Iterator[bytes]) -> None:
        self._datagrams = datagrams
        self.received = 0

    def send(self, _: bytes) -> None: ...

    def recv(self, _: int) -> bytes:
        self.received += 1
        return next(self._datagrams)


def _socket(*datagrams: bytes) -> RouteSocket:
    kernel: Any = Kernel(iter(datagrams))
    return RouteSocket(kernel)


def _error(number: int) -> bytes:
    return wire.request(ERROR, 0, struct.pack("=i", -number))


def test_a_list_of_any_length_is_read_as_it_is_used() -> None:
    """A pod may have as many links as it likes: the daemon keeps none of those that are not ours."""
    kernel: Any = Kernel(wire.request(LINK, 0, b"%4d" % number) for number in itertools.count())

    found = RouteSocket(kernel).responses(LINK, 0, b"")

    assert [(LINK, b"   0"), (LINK, b"   1")] == [next(found), next(found)]
    assert 2 == kernel.received


def test_a_response_ends_with_the_acknowledgement_or_the_end_of_the_list() -> None:
    link = wire.request(LINK, 0, b"link")

    assert [(LINK, b"link")] * 2 == _socket(link + link, _error(0)).request(LINK, 0, b"")
    assert [(LINK, b"link")] == _socket(link + wire.request(DONE, 0, bytes(4))).request(LINK, 0, b"")
    assert [] == _socket(_error(0)).request(LINK, 0, b"")


def test_what_the_kernel_refuses_is_an_error_with_its_number() -> None:
    with pytest.raises(OSError, match="File exists") as caught:
        _socket(_error(errno.EEXIST)).request(LINK, 0, b"")

    assert errno.EEXIST == caught.value.errno
