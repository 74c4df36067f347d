"""A config read so strictly that its meaning is beyond doubt; whatever is not is for the plugin's own program.

Go reads a struct's field from any spelling of its key, from the last of several, and ignores null (`encoding/json`). All of these
are NotUnderstoodError here, as are values of another type and values that the plugin would refuse.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from netattach_core.cni.result import Route
from netattach_core.net import addresses
from netattach_core.net.addresses import IpAddress, IpInterface
from netattach_core.text import json_document
from netattach_core.text.json_document import Node

_LARGEST_NUMBER = 2**31 - 1


class NotUnderstoodError(Exception):
    """The plugin's program has to run: it alone knows what this config means, or why it is invalid."""


def require(condition: object) -> None:
    """Raises NotUnderstoodError unless the condition holds."""
    if not condition:
        raise NotUnderstoodError


def members(node: Node, known: Collection[str], *, others: bool = False) -> Mapping[str, Node]:
    """An object's values by key: keys that are not known are refused, or left out with `others`."""
    require(isinstance(node.value, dict))
    spellings = {json_document.folded(key) for key in known}
    found: dict[str, Node] = {}
    for member in node.members:
        if others and json_document.folded(member.key) not in spellings:
            continue
        require(member.key in known and member.key not in found)
        found[member.key] = member.node
    return found


def items(node: Node | None) -> tuple[Node, ...]:
    """A list's values, none for None."""
    if node is None:
        return ()
    require(isinstance(node.value, list))
    return node.items


def string(node: Node) -> str:
    """A text; without surrogates, which Go replaces."""
    value = node.value
    if not isinstance(value, str) or any("\ud800" <= char <= "\udfff" for char in value):
        raise NotUnderstoodError
    return value


def integer(node: Node) -> int:
    """A number that fits every plugin's and the kernel's type."""
    value = node.value
    if type(value) is not int or not 0 <= value <= _LARGEST_NUMBER:
        raise NotUnderstoodError
    return value


def ip(text: str) -> IpAddress:
    """An address. An IPv4-mapped IPv6 address has two lengths in Go, depending on the place."""
    address = addresses.parse_ip(text)
    if address is None or (address.version == 4 and ":" in text):
        raise NotUnderstoodError
    return address


def cidr(text: str) -> IpInterface:
    """An address with its prefix length."""
    ip(text.partition("/")[0])
    found = addresses.parse_cidr(text)
    if found is None:
        raise NotUnderstoodError
    return found


def route(node: Node) -> Route:
    """A route of an IPAM section (`cni/pkg/types/types.go: route`): zeros are left out there, except of `table` and `scope`."""
    found = members(node, ("dst", "gw", *_ROUTE_NUMBERS))
    require("dst" in found)
    numbers = {key: integer(found[key]) for key in _ROUTE_NUMBERS if key in found}
    return Route(
        str(cidr(string(found["dst"]))),
        str(ip(string(found["gw"]))) if "gw" in found else "",
        {key: number for key, number in numbers.items() if number or key in ("table", "scope")},
    )


_ROUTE_NUMBERS = ("mtu", "advmss", "priority", "table", "scope")
