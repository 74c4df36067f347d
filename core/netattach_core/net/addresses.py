"""Addresses, parsed as Go's `net` package does, since every CNI plugin is written in Go.

Python's `ipaddress` accepts netmasks, bare addresses and zone ids, which Go's ParseCIDR refuses, and refuses host bits, which
ParseCIDR accepts.
"""

from __future__ import annotations

import functools
import ipaddress
import re

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpInterface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

_CACHED = 256
"""Parsed texts, at 650 bytes each: several rules read each address, and parsing is slow."""

_PREFIX = re.compile(r"[0-9]{1,9}")  # Go accepts leading zeros
_MAC = re.compile(
    r"[0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9a-f]{2}(-[0-9a-f]{2}){5}|[0-9a-f]{4}(\.[0-9a-f]{4}){2}", re.IGNORECASE
)
_GUID = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){7}|[0-9a-f]{2}(-[0-9a-f]{2}){7}", re.IGNORECASE)


@functools.lru_cache(_CACHED)
def parse_ip(text: str) -> IpAddress | None:
    """An address, or None. An IPv4-mapped IPv6 address counts as IPv4, as in Go."""
    if "%" in text:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@functools.lru_cache(_CACHED)
def parse_cidr(text: str) -> IpInterface | None:
    """An address with its prefix length, host bits kept, or None."""
    address, slash, prefix = text.partition("/")
    ip = parse_ip(address)
    if ip is None or not slash or not _PREFIX.fullmatch(prefix):
        return None
    length = int(prefix)
    if ip.version == 4 and ":" in address:
        length -= 96  # IPv4-mapped: the prefix length counts the 96 leading bits
    if not 0 <= length <= ip.max_prefixlen:
        return None
    kind = ipaddress.IPv4Interface if ip.version == 4 else ipaddress.IPv6Interface
    return kind((int(ip), length))


def is_ethernet_mac(text: str) -> bool:
    """Whether it has six bytes, in one of the three notations of Go's ParseMAC."""
    return _MAC.fullmatch(text) is not None


def is_infiniband_guid(text: str) -> bool:
    """Whether it has eight bytes (Kubernetes Network Plumbing Working Group spec, section 4.1.2.1.10)."""
    return _GUID.fullmatch(text) is not None


def mac_digits(text: str) -> str:
    """The hexadecimal digits of a MAC address in lower case, equal for all notations that Go's ParseMAC reads."""
    return re.sub(r"[:.-]", "", text).lower()
