"""Links over one route socket: look up, create, change, delete (net/core/rtnetlink.c)."""

from __future__ import annotations

import dataclasses
import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pyroute2.netlink import NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL
from pyroute2.netlink.rtnl import RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK

from netattach_core.native.recipe import Tuning
from netattach_plugin.netlink import wire
from netattach_plugin.netlink.route_socket import RouteSocket

GROUP = 0x6E657461
"""The group of the links that drivers create in pods, so that one request deletes those of a pod (decision 21)."""

_IFINFO = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_UP, _PROMISCUOUS, _ALL_MULTICAST = 0x1, 0x100, 0x200  # IFF_*
_LOWER_UP = 0x10000  # IFF_LOWER_UP
_OPERATIONAL = b"\6"  # IF_OPER_UP
_NOT_OPERATIONAL = (b"\1", b"\2", b"\3")  # IF_OPER_NOTPRESENT, IF_OPER_DOWN, IF_OPER_LOWERLAYERDOWN
_SKIP_STATISTICS = 1 << 3  # RTEXT_FILTER_SKIP_STATS
_ADDRESS, _NAME, _MTU, _PARENT, _CONTROLLER, _INFO, _GROUP = 1, 3, 4, 5, 10, 18, 27  # IFLA_*
_QUEUE_LENGTH = 13  # IFLA_TXQLEN
_OPERSTATE, _ALIAS, _NETNS = 16, 20, 28  # IFLA_OPERSTATE, _IFALIAS, _NET_NS_FD
_FILTER, _TARGET = 29, 46  # IFLA_EXT_MASK, _TARGET_NETNSID
_KIND, _DATA = 1, 2  # IFLA_INFO_*
_VETH_PEER = 1  # VETH_INFO_PEER
_FOUND = frozenset({_ADDRESS, _CONTROLLER, _GROUP, _INFO, _MTU, _NAME, _OPERSTATE})


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link as it is now; `mac` is "" for one without."""

    index: int
    name: str
    mac: str
    mtu: int
    up: bool
    kind: str
    controller: int
    group: int
    is_operational: bool
    notes_carrier: bool
    """Whether the kernel is about to note that it has got its carrier: then it gets its link-local address."""
    data: bytes = b""
    """The attributes of its kind."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to be created: `data` are the attributes of its kind. 0, "" and None leave the choice to the kernel.

    With a `controller`, a bridge, it becomes a port of that one. One that `queues_nothing` has a transmit queue of length 0.
    """

    kind: str
    name: str
    data: bytes = b""
    parent: int = 0
    mtu: int = 0
    mac: str = ""
    netns: int | None = None
    group: int = 0
    controller: int = 0
    queues_nothing: bool = False


def by_name(route: RouteSocket, name: str) -> FoundLink:
    """Raises OSError, ENODEV for no such link."""
    body = _ifinfo() + wire.text(_NAME, name) + wire.number(_FILTER, _SKIP_STATISTICS)
    ((_, content),) = route.request(RTM_GETLINK, 0, body)
    return _found(content)


def find(route: RouteSocket, name: str) -> FoundLink | None:
    """None for no such link. Raises OSError."""
    try:
        return by_name(route, name)
    except OSError as error:
        if error.errno == errno.ENODEV:
            return None
        raise


def all_in(route: RouteSocket, target: int) -> Iterator[FoundLink]:
    """All links of the namespace with this id, one by one. Raises OSError, EOPNOTSUPP where the kernel does not support it."""
    body = _ifinfo() + _in(target) + wire.number(_FILTER, _SKIP_STATISTICS)
    for kind, content in route.responses(RTM_GETLINK, NLM_F_DUMP, body):
        if kind == RTM_NEWLINK:
            if wire.number_of(wire.selected(content, _IFINFO.size, {_TARGET}).get(_TARGET)) != target:
                raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))  # an old kernel lists our own
            yield _found(content)


def create(route: RouteSocket, new: NewLink, *, up: bool = False) -> None:
    """Creates it in its network namespace at once; nothing is moved. Raises OSError."""
    flags = _UP if up else 0
    body = _ifinfo(flags=flags, change=flags) + new_attributes(new)
    route.request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body)


def create_pair(route: RouteSocket, new: NewLink, peer: NewLink) -> None:
    """Creates a veth pair, each end in its network namespace at once; the first one is set up. Raises OSError."""
    data = wire.nested(_VETH_PEER, _ifinfo() + _common_attributes(peer))
    create(route, dataclasses.replace(new, data=data), up=True)


def new_attributes(new: NewLink) -> bytes:
    """The attributes of a link to be created."""
    data = wire.nested(_DATA, new.data) if new.data else b""
    return _common_attributes(new) + wire.nested(_INFO, wire.attribute(_KIND, new.kind.encode()), data)


def _common_attributes(new: NewLink) -> bytes:
    """Those that do not depend on its kind."""
    return b"".join(
        (
            wire.text(_NAME, new.name),
            wire.number(_PARENT, new.parent) if new.parent else b"",
            wire.number(_MTU, new.mtu) if new.mtu else b"",
            wire.attribute(_ADDRESS, mac_bytes(new.mac)) if new.mac else b"",
            wire.number(_NETNS, new.netns) if new.netns is not None else b"",
            wire.number(_GROUP, new.group) if new.group else b"",
            wire.number(_CONTROLLER, new.controller) if new.controller else b"",
            wire.number(_QUEUE_LENGTH, 0) if new.queues_nothing else b"",
        )
    )


def move(route: RouteSocket, index: int, netns: int, name: str, *, alias: str = "") -> None:
    """Moves a link to the namespace of a descriptor, then renames it, then sets its alias; it is down. Raises OSError.

    The name is taken there: FileExistsError, and the link may have been moved already.
    """
    body = _ifinfo(index) + wire.number(_NETNS, netns) + wire.text(_NAME, name)
    route.request(RTM_NEWLINK, 0, body + (wire.attribute(_ALIAS, alias.encode()) if alias else b""))


def set_up(route: RouteSocket, index: int) -> None:
    """Raises OSError."""
    route.request(RTM_NEWLINK, 0, _ifinfo(index, _UP, _UP))


def set_promiscuous(route: RouteSocket, index: int) -> None:
    """Raises OSError."""
    route.request(RTM_NEWLINK, 0, _ifinfo(index, _PROMISCUOUS, _PROMISCUOUS))


def change(route: RouteSocket, name: str, tuning: Tuning) -> None:
    """All in one request, which may be carried out in part. Raises OSError, ENODEV for no such link."""
    on = {_PROMISCUOUS: tuning.promiscuous, _ALL_MULTICAST: bool(tuning.all_multicast)}
    changed = _PROMISCUOUS * tuning.promiscuous | _ALL_MULTICAST * (tuning.all_multicast is not None)
    body = (
        _ifinfo(flags=sum(flag for flag, is_on in on.items() if is_on), change=changed),
        wire.text(_NAME, name),
        wire.attribute(_ADDRESS, mac_bytes(tuning.mac)) if tuning.mac else b"",
        wire.number(_MTU, tuning.mtu) if tuning.mtu else b"",
        wire.number(_QUEUE_LENGTH, tuning.queue_length) if tuning.queue_length is not None else b"",
    )
    route.request(RTM_NEWLINK, 0, b"".join(body))


def set_mac(route: RouteSocket, index: int, mac: str) -> None:
    """Raises OSError."""
    route.request(RTM_NEWLINK, 0, _ifinfo(index) + wire.attribute(_ADDRESS, mac_bytes(mac)))


def delete(route: RouteSocket, index: int, target: int | None = None) -> None:
    """One link, in the namespace with this id if it is not that of the socket. Raises OSError, ENODEV for no such link."""
    route.request(RTM_DELLINK, 0, _ifinfo(index) + _in(target))


def delete_group(route: RouteSocket, target: int) -> bool:
    """All links of our group in the namespace with this id, at once; False where the kernel does not do so."""
    try:
        route.request(RTM_DELLINK, 0, _ifinfo() + wire.number(_GROUP, GROUP) + _in(target))
    except OSError:
        return False  # EOPNOTSUPP for one that cannot be deleted, ENODEV for none
    return True


def mac_bytes(mac: str) -> bytes:
    """The bytes of an address in one of the notations of Go's ParseMAC."""
    return bytes.fromhex(mac.replace(":", "").replace("-", "").replace(".", ""))


def _in(target: int | None) -> bytes:
    return b"" if target is None else wire.number(_TARGET, target)


def _ifinfo(index: int = 0, flags: int = 0, change: int = 0) -> bytes:
    return _IFINFO.pack(0, 0, index, flags, change)


def _found(body: bytes) -> FoundLink:
    _, _, index, flags, _ = _IFINFO.unpack_from(body)
    found = wire.selected(body, _IFINFO.size, _FOUND)
    info = dict(wire.attributes(found.get(_INFO, b""), 0))
    return FoundLink(
        index=index,
        name=wire.text_of(found.get(_NAME, b"")),
        mac=found.get(_ADDRESS, b"").hex(":"),
        mtu=wire.number_of(found.get(_MTU)),
        up=bool(flags & _UP),
        kind=wire.text_of(info.get(_KIND, b"")),
        controller=wire.number_of(found.get(_CONTROLLER)),
        group=wire.number_of(found.get(_GROUP)),
        is_operational=found.get(_OPERSTATE) == _OPERATIONAL,
        notes_carrier=bool(flags & _LOWER_UP) and found.get(_OPERSTATE) in _NOT_OPERATIONAL,
        data=info.get(_DATA, b""),
    )
