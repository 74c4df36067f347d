"""Addresses as Go reads them, since every CNI plugin reads them with Go.

Python's ipaddress takes netmasks, bare addresses and zone ids where Go's ParseCIDR does not, and refuses host bits, which
Go takes (plugin-schemas G33).
"""

from __future__ import annotations

import functools
import ipaddress
import re

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpInterface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

_REMEMBERED = 2048
"""Texts: several rules look at each address, and to read one takes long."""

_PREFIX = re.compile(r"[0-9]{1,9}")  # Go takes leading zeros
_MAC = re.compile(
    r"[0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9a-f]{2}(-[0-9a-f]{2}){5}|[0-9a-f]{4}(\.[0-9a-f]{4}){2}", re.IGNORECASE
)
_GUID = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){7}|[0-9a-f]{2}(-[0-9a-f]{2}){7}", re.IGNORECASE)


@functools.lru_cache(_REMEMBERED)
def parse_ip(text: str) -> IpAddress | None:
    """An address, or None. An IPv4 address in IPv6's clothes is an IPv4 address, as in Go."""
    if "%" in text:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@functools.lru_cache(_REMEMBERED)
def parse_cidr(text: str) -> IpInterface | None:
    """An address with its prefix length, host bits kept, or None."""
    address, slash, prefix = text.partition("/")
    ip = parse_ip(address)
    if ip is None or not slash or not _PREFIX.fullmatch(prefix):
        return None
    length = int(prefix)
    if ip.version == 4 and ":" in address:
        length -= 96  # written as IPv4-mapped IPv6, whose prefix counts from the IPv6 start
    if not 0 <= length <= ip.max_prefixlen:
        return None
    kind = ipaddress.IPv4Interface if ip.version == 4 else ipaddress.IPv6Interface
    return kind((int(ip), length))


def is_ethernet_mac(text: str) -> bool:
    """Six bytes in one of the three notations that Go's ParseMAC reads."""
    return _MAC.fullmatch(text) is not None


def is_infiniband_guid(text: str) -> bool:
    """Eight bytes (S57)."""
    return _GUID.fullmatch(text) is not None
