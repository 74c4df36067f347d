"""The modules that a program written in Go was built from, as the program itself says.

The linker writes them next to a mark, which `go version -m` reads too: debug/buildinfo in Go's standard library.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

from netattach_release.errors import ReleaseError

_MARK = b"\xff Go buildinf:"
_ALIGNMENT = 16
_FLAGS, _INLINE_STRINGS = 15, 2
_STRINGS = 32
_SENTINEL = 16
"""Bytes before and after the list of modules."""


@dataclass(frozen=True, slots=True)
class Module:
    """`sha256` is the hash that go.sum has, of all files of the module, in hexadecimal digits; "" without one."""

    path: str
    version: str
    sha256: str = ""


def of_program(name: str, content: bytes) -> list[Module]:
    """The standard library first, which is Go's own version, then the program's own module and the others.

    Raises ReleaseError, with the program's `name`, where there is no such list.
    """
    at = content.find(_MARK)
    while at >= 0 and not _is_list(content, at):
        at = content.find(_MARK, at + 1)
    if at < 0:
        raise ReleaseError(f"{name} names no Go modules: it was not built by Go 1.18 or newer")
    version, rest = _string(content, at + _STRINGS)
    text, _ = _string(content, rest)
    lines = text[_SENTINEL:-_SENTINEL].decode().splitlines()
    return [Module("std", version.decode().removeprefix("go")), *_modules(lines)]


def _is_list(content: bytes, at: int) -> bool:
    return (
        at % _ALIGNMENT == 0 and len(content) > at + _STRINGS and bool(content[at + _FLAGS] & _INLINE_STRINGS)
    )


def _string(content: bytes, at: int) -> tuple[bytes, int]:
    """A string after its length, and where it ends."""
    size = shift = 0
    while True:
        byte = content[at]
        at += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return content[at : at + size], at + size


def _modules(lines: list[str]) -> Iterator[Module]:
    """A line with an arrow replaces the module before it."""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        kind, *fields = line.split("\t")
        if kind in {"mod", "dep", "=>"} and not following.startswith("=>\t"):
            path, version, *sums = fields
            yield Module(path, version, _hexadecimal(sums[0]) if sums else "")


def _hexadecimal(checksum: str) -> str:
    """h1: is a SHA-256, in base64."""
    return base64.b64decode(checksum.removeprefix("h1:")).hex() if checksum.startswith("h1:") else ""
