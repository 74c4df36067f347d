"""Until when an X.509 certificate is valid: the only field of it that is read, so no library for the rest of it is needed."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime

from netattach_core.errors import DecodeError

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.{1,65536}?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _CONTEXT_0, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_BEFORE_VALIDITY = 3
"""Serial number, algorithm of the signature, issuer (RFC 5280 section 4.1)."""

_CENTURY = 50
"""A year of two digits below it is of this century (RFC 5280 section 4.1.2.5.1)."""

Part = tuple[int, bytes]
"""Tag and content."""


def expiries(pem: bytes) -> list[datetime]:
    """`notAfter` of each certificate in a text. Raises DecodeError."""
    try:
        found = [not_after(base64.b64decode(block)) for block in _PEM.findall(pem)]
    except binascii.Error as error:
        raise DecodeError("not a certificate: it is not in Base64") from error
    if not found:
        raise DecodeError("not a certificate")
    return found


def not_after(der: bytes) -> datetime:
    """Raises DecodeError."""
    try:
        (_, certificate), _ = _part(der)
        (_, to_be_signed), _ = _part(certificate)
        fields = _parts(to_be_signed)
        if fields[0][0] == _CONTEXT_0:  # the version, which may be left out
            fields = fields[1:]
        tag, validity = fields[_BEFORE_VALIDITY]
        if tag != _SEQUENCE:
            raise DecodeError("not a certificate: its validity is missing")
        return _time(*_parts(validity)[1])
    except (IndexError, ValueError) as error:
        raise DecodeError("not a certificate: it is cut off, or no DER") from error


def _parts(content: bytes) -> list[Part]:
    found = []
    while content:
        part, content = _part(content)
        found.append(part)
    return found


def _part(data: bytes) -> tuple[Part, bytes]:
    """The first element, and what comes after it. Raises IndexError where it is cut off."""
    tag, length, start = data[0], data[1], 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
    end = start + length
    if end > len(data):
        raise IndexError(end)
    return (tag, data[start:end]), data[end:]


def _time(tag: int, content: bytes) -> datetime:
    """Raises ValueError."""
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        text = f"{'20' if int(text[:2]) < _CENTURY else '19'}{text}"
    elif tag != _GENERALIZED_TIME:
        raise ValueError(tag)
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
