"""What is wrong with a text that is no address or CIDR, and how to write it: in the author's own values where possible."""

from __future__ import annotations

import ipaddress
import re

from netattach_core.net import addresses
from netattach_core.net.names import shown

_LEADING_ZEROS = re.compile(r"\b0+(?=[0-9])")


def why(text: str, *, cidr: bool = True) -> str:
    """The mistake in parentheses, with a blank before it; "" where it is none of the usual ones."""
    if text != text.strip():
        return f" (there is a blank at its {'end' if text == text.lstrip() else 'beginning'})"
    if re.search(r"\s", text):
        return " (it contains a blank)"
    address, slash, prefix = text.partition("/")
    if cidr and not slash and addresses.parse_ip(text):
        return " (the prefix length is missing)"
    if "." in prefix:
        return " (the prefix length is written as a netmask)"
    if ":" not in address and any(len(part) > 1 and part.startswith("0") for part in address.split(".")):
        return " (numbers must not have leading zeros)"
    if not cidr and addresses.parse_cidr(text):
        return " (it has a prefix length)"
    return ""


def fix_cidr(text: str, v4: str, v6: str, *, missing: str = "add the prefix length of its subnet: ") -> str:
    """How to write a CIDR: the author's own one, where only its notation is wrong; else an example of its IP family."""
    plain = text.strip()
    if addresses.parse_ip(plain):
        return f'{missing}"{plain}/{64 if ":" in plain else 24}"'
    for candidate in (plain, re.sub(r"\s", "", plain), _without_zeros(plain), _without_netmask(plain)):
        if candidate != text and addresses.parse_cidr(candidate):
            return f'write "{shown(candidate)}"'
    return f'write an address and a prefix length: "{v6 if _is_v6(plain) else v4}"'


def fix_ip(text: str, v4: str, v6: str) -> str:
    """How to write an address without a prefix length."""
    plain = text.strip()
    cidr = addresses.parse_cidr(plain)
    if cidr:
        return f'write it without the prefix length: "{cidr.ip}"'
    for candidate in (plain, _without_zeros(plain)):
        if candidate != text and addresses.parse_ip(candidate):
            return f'write "{candidate}"'
    return f"write one IP address, for example {v6 if _is_v6(plain) else v4}"


def _is_v6(text: str) -> bool:
    return ":" in text


def _without_zeros(text: str) -> str:
    return text if _is_v6(text) else _LEADING_ZEROS.sub("", text)


def _without_netmask(text: str) -> str:
    """Python reads a netmask after the slash, which Go does not."""
    if "." not in text.partition("/")[2]:
        return text
    try:
        return ipaddress.ip_interface(text).with_prefixlen
    except ValueError:
        return text
