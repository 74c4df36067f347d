"""The serving certificate: from a Secret, reloaded without closing connections, and never replaced by one that does not work."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from netattach_core.api.objects import Key
from netattach_core.errors import DecodeError
from netattach_kube import tls_server
from netattach_kube.api import Api
from netattach_kube.resource import SECRETS
from netattach_kube.watched import Watched
from netattach_webhooks.client_ca import ClientCa
from netattach_webhooks.metrics import Metrics

_log = logging.getLogger(__name__)

_CERTIFICATE, _KEY = "tls.crt", "tls.key"


class Certificate:
    """`context` serves the certificate of the Secret; while it cannot be served, the one before it.

    With a `client_ca`, only clients with a certificate of its CA are served. There is a new context whenever either changes.
    """

    def __init__(
        self,
        api: Api,
        namespace: str,
        name: str,
        metrics: Metrics,
        now: Callable[[], float] = time.time,
        client_ca: ClientCa | None = None,
    ) -> None:
        self._client_ca = client_ca
        self._pair: tuple[bytes, bytes] | None = None
        """The certificate and key that are served, in PEM."""

        self.context = _server_context(client_ca)
        self.loaded = asyncio.Event()
        """Set as soon as there is a certificate to serve."""

        self._name = f"the certificate in Secret {namespace}/{name}"
        self._metrics = metrics
        self._now = now
        self._problem: str | None = f"{self._name} does not exist yet"
        self._expiry = 0.0
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
        """Why the process is not ready; None while the served certificate is valid, even if the Secret has a broken one."""
        if not self.loaded.is_set():
            return self._problem
        if self._now() >= self._expiry:
            return f"{self._name} has expired"
        return None

    def renew(self) -> None:
        """A new context, with the current CA bundle for clients: OpenSSL cannot remove a CA from one that it has."""
        context = _server_context(self._client_ca)
        if self._pair is not None:
            with tls_server.memory_file(*self._pair) as path:
                tls_server.load(context, path)
        self.context = context

    def _changed(self, key: Key) -> None:
        data = self._secret.get(*key)
        if data is None:
            self._reject("was deleted")
            return
        try:
            self._replace(data)
        except (DecodeError, ssl.SSLError, ValueError) as error:
            self._reject(f"cannot be served: {error}")

    def _replace(self, data: dict[str, Any]) -> None:
        pair = (_decoded(data, _CERTIFICATE), _decoded(data, _KEY))
        with tls_server.memory_file(*pair) as path:
            self._expiry = _verified_expiry(path)
        self._pair = pair
        self.renew()
        self._problem = None
        self._metrics.certificate_expiry.labels("served").set(self._expiry)
        self._metrics.certificate_rejected.set(0)
        self.loaded.set()
        _log.info("serving %s", self._name)

    def _reject(self, reason: str) -> None:
        self._problem = f"{self._name} {reason}"
        self._metrics.certificate_rejected.set(1)
        previous = "; the previous one is still served" if self.loaded.is_set() else ""
        _log.error("%s%s", self._problem, previous)


def _server_context(client_ca: ClientCa | None = None) -> ssl.SSLContext:
    context = tls_server.server_context()
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED  # without a CA, it accepts nobody
        if client_ca.bundle:
            context.load_verify_locations(cadata=client_ca.bundle)
    return context


def _decoded(data: dict[str, Any], key: str) -> bytes:
    """Raises DecodeError."""
    try:
        text = base64.b64decode(data[key], validate=True)
    except KeyError as error:
        raise DecodeError(f"{key} is missing") from error
    except (binascii.Error, TypeError, ValueError) as error:
        raise DecodeError(f"{key} is not base64") from error
    return text


def _verified_expiry(path: str) -> float:
    """When the certificate expires. A TLS handshake in memory verifies that it works and is valid now. Raises SSLError."""
    server, client = _server_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls_server.load(server, path)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the certificate is its own trust anchor
    client.load_verify_locations(path)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_side = client.wrap_bio(to_client, to_server)
    server_side = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (client_side, server_side, client_side, server_side):
        with _waiting_for_peer():
            side.do_handshake()
    served = client_side.getpeercert()
    if not served:
        raise ssl.SSLError("clients do not get it")
    return ssl.cert_time_to_seconds(str(served["notAfter"]))


@contextmanager
def _waiting_for_peer() -> Iterator[None]:
    try:
        yield
    except ssl.SSLWantReadError:
        return
