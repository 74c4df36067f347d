"""The operator and two replicas of the webhooks: every connection succeeds while certificates are renewed, lost and distrusted.

An API server is a TLS client here that trusts what is published; OpenSSL decides.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from netattach_kube.resource import SECRETS, VALIDATING_WEBHOOKS
from netattach_operator import certificate_keeper, certificate_plan, x509_reader
from netattach_operator.certificate_distrust import REQUESTED
from netattach_operator.certificate_keeper import CertificateKeeper
from netattach_operator.metrics import Metrics
from netattach_operator.settings import Settings
from netattach_webhooks.metrics import Metrics as WebhookMetrics
from netattach_webhooks.tls import Certificate
from support import api_server, certificates
from support.api_server import ApiServer

NS, CA, TLS = "netattach-system", "netattach-ca", "netattach-webhooks-tls"
SERVICE = {"name": "netattach-webhooks", "namespace": NS}
CONFIGURATION = {
    "metadata": {"name": "netattach"},
    "webhooks": [{"name": "nads.netattach.io", "clientConfig": {"service": SERVICE}}],
}
CALM = 20
"""Connections that are awaited after an event."""


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_keeper, "_PROPAGATION", 0.2)
    monkeypatch.setattr(certificate_plan, "_KEPT", timedelta(seconds=3))
    monkeypatch.setattr(certificate_plan, "_KEPT_IF_DISTRUSTED", timedelta(seconds=2))


@dataclass
class Cluster:
    server: ApiServer
    replicas: list[tuple[Certificate, int]] = field(default_factory=list)
    connections: int = 0
    failures: list[str] = field(default_factory=list)

    def bundle(self) -> bytes:
        webhooks = self.server.read(VALIDATING_WEBHOOKS, "netattach")["webhooks"]
        return base64.b64decode(webhooks[0]["clientConfig"].get("caBundle", ""))

    def trusts_only(self, count: int = 1) -> bool:
        return len(x509_reader.split_bundle(self.bundle())) == count

    async def calm(self) -> None:
        wanted = self.connections + CALM
        await self.server.until(lambda: self.connections >= wanted)

    async def replaced(self, before: bytes) -> None:
        """Another CA signs, and it alone is trusted."""
        await self.server.until(lambda: self.trusts_only() and self.bundle() != before)
        await self.calm()

    async def connect_all_the_time(self) -> None:
        while True:
            for _, port in self.replicas:
                client = ssl.create_default_context(cadata=self.bundle().decode())
                client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
                try:
                    _, writer = await asyncio.open_connection(
                        "127.0.0.1", port, ssl=client, server_hostname=certificates.OUR_NAME
                    )
                    writer.close()
                except ssl.SSLError as error:
                    self.failures.append(str(error))
                self.connections += 1


@asynccontextmanager
async def replica(server: ApiServer) -> AsyncIterator[tuple[Certificate, int]]:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Each connection gets the context of its moment, as from the webhooks' own server."""
        with contextlib.suppress(ssl.SSLError, ConnectionError):  # the client counts it
            await writer.start_tls(certificate.context)
        writer.close()

    certificate = Certificate(server.api, NS, TLS, WebhookMetrics())
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(certificate.run())
        await certificate.loaded.wait()
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as serving:
            yield certificate, serving.sockets[0].getsockname()[1]
        watching.cancel()


@asynccontextmanager
async def operator(server: ApiServer) -> AsyncIterator[None]:
    keeper = CertificateKeeper(server.api, Settings(), Metrics())
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(keeper.run())
        yield
        keeping.cancel()


@asynccontextmanager
async def busy(server: ApiServer) -> AsyncIterator[Cluster]:
    """Two replicas, and connections to them until the end of the block."""
    async with AsyncExitStack() as stack:
        cluster = Cluster(server)
        cluster.replicas = [await stack.enter_async_context(replica(server)) for _ in range(2)]
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        load = tasks.create_task(cluster.connect_all_the_time())
        await cluster.calm()
        yield cluster
        load.cancel()


def played(act: Callable[[ApiServer], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
            await act(server)

    asyncio.run(story())


def delete_the_ca(server: ApiServer) -> None:
    server.delete(SECRETS, CA, NS)


def delete_both(server: ApiServer) -> None:
    server.delete(SECRETS, TLS, NS)
    server.delete(SECRETS, CA, NS)


def distrust_the_ca(server: ApiServer) -> None:
    body = server.read(SECRETS, CA, NS)
    body["metadata"]["annotations"] = {**body["metadata"].get("annotations", {}), REQUESTED: "leaked"}
    server.put(SECRETS, body)


@pytest.mark.parametrize("event", [delete_the_ca, delete_both, distrust_the_ca])
def test_every_connection_succeeds_until_the_new_ca_alone_is_trusted(
    event: Callable[[ApiServer], None],
) -> None:
    async def act(server: ApiServer) -> None:
        async with operator(server), busy(server) as cluster:
            before = cluster.bundle()
            event(server)
            await cluster.replaced(before)

        assert [] == cluster.failures

    played(act)


def test_every_connection_succeeds_while_an_upgrade_replaces_the_ca_of_an_earlier_version() -> None:
    async def act(server: ApiServer) -> None:
        now = datetime.now(UTC)
        old = certificates.authority(now - timedelta(days=365))
        tls = certificate_plan.plan_serving(now, old, {}, Settings().names).data
        for name, data in ((CA, old), (TLS, tls)):
            texts = {key: base64.b64encode(text).decode() for key, text in data.items()}
            server.put(SECRETS, {"metadata": {"name": name, "namespace": NS}, "data": texts})
        published = certificate_keeper.with_bundle(CONFIGURATION, old["ca.crt"], NS, "netattach-webhooks")
        server.put(VALIDATING_WEBHOOKS, published)

        async with busy(server) as cluster, operator(server):
            await cluster.replaced(old["ca.crt"])

        assert [] == cluster.failures

    played(act)
