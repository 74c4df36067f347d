"""Which clients are served: everybody, or only those with a client certificate that a configured CA has signed.

The CA bundle is a file that is read again and again, as a mounted ConfigMap or Secret changes. While it cannot be used, nobody
is served: the file before it may have had a CA that is not trusted any more.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from netattach_core.errors import ConfigError
from netattach_webhooks.metrics import Metrics

_log = logging.getLogger(__name__)

_PERIOD = 5.0
"""Seconds between two looks at the file."""

_MAX_FILE = 2**20
"""Bytes; a bundle has some thousand."""

_VARIABLE, _NAMES_VARIABLE = "NETATTACH_CLIENT_CA", "NETATTACH_CLIENT_NAMES"
_QUOTED = 100
"""Characters of a client's name that a message quotes."""


class ClientCa:
    """The CA bundle in `path`, and the `names` that a certificate may have (empty: any); `changed` is called with each change."""

    def __init__(
        self, path: Path, names: frozenset[str], metrics: Metrics, now: Callable[[], float] = time.time
    ) -> None:
        self.bundle = ""
        """In PEM; "" while it cannot be used, so that no client is served."""

        self.changed: Callable[[], None] = _ignore
        self._path = path
        self._names = names
        self._metrics = metrics
        self._now = now
        self._problem: str | None = None
        self.read()

    async def run(self) -> None:
        """Never returns."""
        while True:
            await asyncio.sleep(_PERIOD)
            self.read()

    def problem(self) -> str | None:
        """Why the process is not ready."""
        return self._problem

    def read(self) -> None:
        """Reads the file."""
        try:
            bundle, problem = _read(self._path, self._now()), None
        except ConfigError as error:
            bundle = ""
            problem = f"{_VARIABLE}: {self._path} {error.message}; until then no client is served"
        if problem != self._problem:
            _log.log(*((logging.ERROR, problem) if problem else (logging.INFO, f"{self._path} is in force")))
        self._problem = problem
        self._metrics.client_ca_rejected.set(0 if problem is None else 1)
        if bundle != self.bundle:
            self.bundle = bundle
            self.changed()

    def refusal(self, certificate: Any) -> str | None:
        """Why the owner of a verified certificate is not served; None if it is."""
        names = list(_names(certificate or {}))
        if not self._names or self._names.intersection(names):
            return None
        quoted = ", ".join(names)[:_QUOTED] or "nobody"
        return f"netattach-webhooks: the client certificate is for {quoted}, which {_NAMES_VARIABLE} does not list"


def _ignore() -> None:
    return


def _read(path: Path, now: float) -> str:
    """The text of the bundle. Raises ConfigError, whose message continues the path."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise ConfigError(
            f"cannot be read ({error.strerror}); mount the ConfigMap or Secret that has it, or unset the variable"
        ) from error
    if len(text) > _MAX_FILE:
        raise ConfigError(f"has more than {_MAX_FILE} bytes; it has to be a bundle of CA certificates in PEM")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(cadata=text.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            "is not a bundle of CA certificates in PEM; write the CA's certificate there"
        ) from error
    authorities = context.get_ca_certs()
    if not authorities:
        raise ConfigError(
            "has no certificate of a CA; write the certificate of the CA that signs the clients' there"
        )
    if all(ssl.cert_time_to_seconds(str(each["notAfter"])) <= now for each in authorities):
        raise ConfigError("has only CA certificates that have expired; write the new one there")
    return text.decode("ascii")


def _names(certificate: Any) -> Iterator[str]:
    """The common name, and all subject alternative names."""
    for relative in certificate.get("subject", ()):
        yield from (str(value) for key, value in relative if key == "commonName")
    yield from (str(value) for _, value in certificate.get("subjectAltName", ()))
