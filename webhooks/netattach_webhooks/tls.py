"""The certificate that we serve with: from a Secret, replaced while connections go on, and never by one that does not work.

OpenSSL reads keys from files only. Ours is in memory and has no name: the key is on no disk, and nothing has to be writable.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import os
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from netattach_core.api.objects import Key
from netattach_core.errors import DecodeError
from netattach_kube.api import Api
from netattach_kube.resource import SECRETS
from netattach_kube.watched import Watched
from netattach_webhooks.metrics import Metrics

_log = logging.getLogger(__name__)

_CERTIFICATE, _KEY = "tls.crt", "tls.key"


class Certificate:
    """`context` serves what the Secret says; where that cannot be served, what it said before."""

    def __init__(
        self, api: Api, namespace: str, name: str, metrics: Metrics, now: Callable[[], float] = time.time
    ) -> None:
        self.context = _server_context()
        self.loaded = asyncio.Event()
        """From then on there is something to serve with."""

        self._what = f"the certificate in Secret {namespace}/{name}"
        self._metrics = metrics
        self._now = now
        self._broken: str | None = f"{self._what} is not there yet"
        self._ends = 0.0
        self._secret = Watched(
            api,
            SECRETS,
            lambda body: body.get("data") or {},
            namespace=namespace,
            fields=f"metadata.name={name}",
            changed=self._changed,
        )

    async def run(self) -> None:
        """Never returns."""
        await self._secret.run()

    def problem(self) -> str | None:
        """For readiness: none as long as what is served is in force. To be taken out of service would help nobody."""
        if not self.loaded.is_set():
            return self._broken
        if self._now() >= self._ends:
            return f"{self._what} has expired"
        return None

    def _changed(self, key: Key) -> None:
        data = self._secret.get(*key)
        if data is None:
            self._refuse("is gone")
            return
        try:
            self._take(data)
        except (DecodeError, ssl.SSLError, ValueError) as error:
            self._refuse(f"cannot be served: {error}")

    def _take(self, data: dict[str, Any]) -> None:
        """First in a context that nobody is served with: a key that does not fit would leave ours with half of a pair."""
        with _file(_decoded(data, _CERTIFICATE), _decoded(data, _KEY)) as path:
            self._ends = _tried(path)
            _load(self.context, path)
        self._broken = None
        self._metrics.expiry.labels("served").set(self._ends)
        self._metrics.certificate_refused.set(0)
        self.loaded.set()
        _log.info("%s is served", self._what)

    def _refuse(self, why: str) -> None:
        self._broken = f"{self._what} {why}"
        self._metrics.certificate_refused.set(1)
        kept = "; the one before is served on" if self.loaded.is_set() else ""
        _log.error("%s%s", self._broken, kept)


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0  # no API server resumes a session
    return context


def _load(context: ssl.SSLContext, path: str) -> None:
    """An encrypted key is an error; without a password OpenSSL would ask for one on a terminal."""
    context.load_cert_chain(path, password="")


def _decoded(data: dict[str, Any], key: str) -> bytes:
    """Raises DecodeError."""
    try:
        text = base64.b64decode(data[key], validate=True)
    except KeyError as error:
        raise DecodeError(f"{key} is missing") from error
    except (binascii.Error, TypeError, ValueError) as error:
        raise DecodeError(f"{key} is not base64") from error
    return text


@contextmanager
def _file(*texts: bytes) -> Iterator[str]:
    """A path under which this process, and no other user's, can read the texts until the end of the block."""
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(b"\n".join(texts))
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _tried(path: str) -> float:
    """Shakes hands with itself in memory: proof that it can be served and is in force; when it ends. Raises SSLError."""
    server, client = _server_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _load(server, path)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it vouches for itself
    client.load_verify_locations(path)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (asking, answering, asking, answering):
        with _unfinished():
            side.do_handshake()
    served = asking.getpeercert()
    if not served:
        raise ssl.SSLError("it is not shown to clients")
    return ssl.cert_time_to_seconds(str(served["notAfter"]))


@contextmanager
def _unfinished() -> Iterator[None]:
    try:
        yield
    except ssl.SSLWantReadError:
        return
