"""TLS contexts of our servers. OpenSSL reads keys only from files: ours are anonymous ones in memory, so no key is on disk."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager


def server_context() -> ssl.SSLContext:
    """Without a certificate yet, and without resumed sessions."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0  # API servers do not resume sessions
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION  # the same for TLS 1.2
    return context


def load(context: ssl.SSLContext, path: str) -> None:
    """An encrypted key is an error; without a password argument OpenSSL would ask for one on the terminal."""
    context.load_cert_chain(path, password="")


@contextmanager
def memory_file(*texts: bytes) -> Iterator[str]:
    """A path by which only this process can read the texts, until the end of the block."""
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(b"\n".join(texts))
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
