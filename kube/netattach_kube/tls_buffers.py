"""Small buffers for the TLS connections of a program."""

from __future__ import annotations

from asyncio import sslproto

_BYTES = 16 * 1024
"""The longest TLS record (RFC 8446, section 5.1)."""


def use_small() -> None:
    """16 KiB instead of 256 KiB for each TLS connection of this process from now on.

    asyncio has no option for it; if it loses this attribute, only memory is lost.
    """
    sslproto.SSLProtocol.max_size = _BYTES
