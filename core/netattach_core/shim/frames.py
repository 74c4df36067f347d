"""Frames: byte strings that C reads without a JSON parser, on the shim's socket and in its files.

A frame is its payload's length (four bytes, little-endian), one byte for its kind, and the payload: fields, each after its own
length (four bytes, little-endian). Numbers are decimal text.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from netattach_core.errors import DecodeError

MAX_PAYLOAD = 16 << 20
"""Bytes; a CALL contains a configuration, a RAN a plugin's output (at most 1 MiB of each stream)."""

_HEADER = struct.Struct("<IB")
_LENGTH = struct.Struct("<I")


def pack(kind: int, fields: Iterable[bytes]) -> bytes:
    """A frame's bytes."""
    payload = b"".join(_LENGTH.pack(len(field)) + field for field in fields)
    return _HEADER.pack(len(payload), kind) + payload


def take(buffer: bytearray) -> tuple[int, tuple[bytes, ...]] | None:
    """Removes the first frame and returns its kind and fields; None while it is incomplete. Raises DecodeError."""
    if len(buffer) < _HEADER.size:
        return None
    size, kind = _HEADER.unpack_from(buffer)
    if size > MAX_PAYLOAD:
        raise DecodeError(f"a frame of {size} bytes; at most {MAX_PAYLOAD} are allowed")
    if len(buffer) < _HEADER.size + size:
        return None
    payload = bytes(buffer[_HEADER.size : _HEADER.size + size])
    del buffer[: _HEADER.size + size]
    return kind, _fields(payload)


def text(field: bytes) -> str:
    """A field as text. Raises DecodeError."""
    try:
        return field.decode()
    except UnicodeDecodeError as error:
        raise DecodeError(f"not UTF-8: {field[:40]!r}") from error


def number(field: bytes) -> int:
    """A field as a number. Raises DecodeError."""
    if not field.isdigit() or len(field) > 18:
        raise DecodeError(f"not a number: {field[:40]!r}")
    return int(field)


def _fields(payload: bytes) -> tuple[bytes, ...]:
    fields, at = [], 0
    while at < len(payload):
        if at + _LENGTH.size > len(payload):
            raise DecodeError("a field's length is truncated")
        (size,) = _LENGTH.unpack_from(payload, at)
        at += _LENGTH.size
        if at + size > len(payload):
            raise DecodeError("a field is truncated")
        fields.append(payload[at : at + size])
        at += size
    return tuple(fields)
