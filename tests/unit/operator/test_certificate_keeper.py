"""The Secrets and the webhook configuration are brought up to date, whatever happens to them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from netattach_core.errors import ConflictError, DecodeError, TryAgainError
from netattach_kube.resource import MUTATING_WEBHOOKS, SECRETS, VALIDATING_WEBHOOKS
from netattach_operator import certificate_keeper, x509_issuer, x509_reader
from netattach_operator.certificate_keeper import CertificateKeeper, with_bundle
from netattach_operator.metrics import Metrics
from netattach_operator.settings import Settings
from support import api_server
from support.api_server import ApiServer

NS = "netattach-system"
CA, TLS = "netattach-ca", "netattach-webhooks-tls"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def webhook(
    name: str, service: str = "netattach-webhooks", namespace: str = NS, **keys: str
) -> dict[str, Any]:
    client = {"service": {"name": service, "namespace": namespace}, **keys}
    return {"name": name, "clientConfig": client, "failurePolicy": "Fail"}


CONFIGURATION = {
    "metadata": {"name": "netattach", "labels": {"a": "b"}},
    "webhooks": [
        webhook("nads.netattach.io"),
        webhook("pods.netattach.io", caBundle="b2xk"),
        webhook("other.io", "other", caBundle="b3RoZXI="),
        webhook("elsewhere.io", namespace="default"),
        {"name": "url.io", "clientConfig": {"url": "https://example.org"}},
    ],
}


@pytest.fixture(autouse=True)
def _short_propagation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_keeper, "_PROPAGATION", 0.01)


class Scene:
    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.metrics = Metrics()
        self.now = NOW
        self.keeper = CertificateKeeper(server.api, Settings(), self.metrics, lambda: self.now)

    def data(self, name: str) -> dict[str, bytes]:
        body = self.server.read(SECRETS, name, NS)
        return {key: base64.b64decode(text) for key, text in body["data"].items()}

    def bundles(self) -> list[bytes]:
        webhooks = self.server.read(VALIDATING_WEBHOOKS, "netattach")["webhooks"]
        return [base64.b64decode(one["clientConfig"].get("caBundle", "")) for one in webhooks]

    def is_up_to_date(self) -> bool:
        """The certificate is signed by the CA, and the bundle is published everywhere."""
        try:
            ca, tls = self.data(CA), self.data(TLS)
            signed = x509_reader.is_signed_by(tls["tls.crt"], ca["ca.crt"])
            x509_reader.is_pair(x509_reader.KeyPair(tls["tls.crt"], tls["tls.key"]))
            x509_reader.is_pair(x509_reader.KeyPair(ca["ca.crt"], ca["ca.key"]))
        except (KeyError, DecodeError):
            return False
        return signed and tls["ca.crt"] == ca["ca-bundle.crt"] == self.bundles()[0]

    def writes(self) -> list[str]:
        return [str(one) for one in self.server.requests if one.method in ("POST", "PUT", "PATCH", "DELETE")]


def played(act: Callable[[Scene], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            await act(Scene(server))

    asyncio.run(story())


@asynccontextmanager
async def running(scene: Scene) -> Any:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.keeper.run())
        yield
        task.cancel()


def test_certificates_are_issued_and_the_bundle_is_published() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)

        await scene.keeper.keep()

        bundle = scene.data(CA)["ca-bundle.crt"]
        assert scene.is_up_to_date()
        assert [bundle, bundle, b"other", b"", b""] == scene.bundles()
        assert "kubernetes.io/tls" == scene.server.read(SECRETS, TLS, NS)["type"]
        assert frozenset(Settings().names) == x509_reader.read_facts(scene.data(TLS)["tls.crt"]).names

    played(act)


MUTATING = {
    "metadata": {"name": Settings().mutating_webhooks},
    "webhooks": [webhook("mutation.netattach.io"), webhook("other.io", "other", caBundle="b3RoZXI=")],
}


def mutating_bundles(scene: Scene) -> list[bytes]:
    webhooks = scene.server.read(MUTATING_WEBHOOKS, Settings().mutating_webhooks)["webhooks"]
    return [base64.b64decode(one["clientConfig"].get("caBundle", "")) for one in webhooks]


def test_the_bundle_is_published_to_both_configurations_before_anything_is_signed() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        scene.server.put(MUTATING_WEBHOOKS, MUTATING)

        await scene.keeper.keep()

        bundle = scene.data(CA)["ca-bundle.crt"]
        assert scene.is_up_to_date()
        assert [bundle, b"other"] == mutating_bundles(scene)
        assert scene.writes()[-1].endswith(f"/namespaces/{NS}/secrets")

    played(act)


def test_the_mutating_configuration_may_appear_later_and_is_repaired() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        async with running(scene):
            await scene.server.until(scene.is_up_to_date)
            for _ in range(2):
                scene.server.put(MUTATING_WEBHOOKS, MUTATING)
                await scene.server.until(
                    lambda: mutating_bundles(scene)[0] == scene.data(CA)["ca-bundle.crt"]
                )

    played(act)


def test_where_both_secrets_are_lost_the_cas_of_both_configurations_stay_trusted() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(MUTATING_WEBHOOKS, MUTATING)
        await scene.keeper.keep()
        first = mutating_bundles(scene)[0]
        for name in (CA, TLS):
            scene.server.delete(SECRETS, name, NS)

        await scene.keeper.keep()

        assert [scene.data(CA)["ca.crt"], first] == x509_reader.split_bundle(mutating_bundles(scene)[0])

    played(act)


def test_only_the_bundle_is_changed_in_a_configuration() -> None:
    after = with_bundle(CONFIGURATION, b"new", NS, "netattach-webhooks")

    assert "bmV3" == after["webhooks"][0]["clientConfig"].pop("caBundle")
    after["webhooks"][1]["clientConfig"]["caBundle"] = "b2xk"
    assert CONFIGURATION == after
    assert {"metadata": {}} == with_bundle({"metadata": {}}, b"new", NS, "netattach-webhooks")


def test_what_is_up_to_date_is_not_written() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        await scene.keeper.keep()
        written = len(scene.writes())

        await scene.keeper.keep()

        assert 3 == written == len(scene.writes())

    played(act)


def test_without_a_webhook_configuration_certificates_are_issued_all_the_same() -> None:
    """The webhooks are not installed, or not yet."""

    async def act(scene: Scene) -> None:
        await scene.keeper.keep()

        assert {CA, TLS} == {body["metadata"]["name"] for body in scene.server.all(SECRETS)}

    played(act)


def test_a_new_ca_is_published_before_anything_is_signed_with_it() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        await scene.keeper.keep()
        scene.now += timedelta(days=300)
        before = len(scene.writes())

        await scene.keeper.keep()

        assert [
            f"PUT /api/v1/namespaces/{NS}/secrets/{CA}",
            f"PUT {VALIDATING_WEBHOOKS.path('netattach')}",
            f"PUT /api/v1/namespaces/{NS}/secrets/{TLS}",
        ] == scene.writes()[before:]
        assert 2 == len(x509_reader.split_bundle(scene.bundles()[0]))

    played(act)


def test_api_servers_have_time_to_receive_a_new_ca(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has not received it would refuse what is signed with it."""

    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        await scene.keeper.keep()
        first, before = scene.bundles()[0], scene.data(TLS)
        scene.server.delete(SECRETS, CA, NS)
        monkeypatch.setattr(certificate_keeper, "_PROPAGATION", 3600)

        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(scene.keeper.keep())
            await scene.server.until(lambda: scene.bundles()[0] != first)
            done, _ = await asyncio.wait([keeping], timeout=0.1)
            keeping.cancel()

        assert not done
        assert [first] == x509_reader.split_bundle(scene.bundles()[0])[1:]
        assert before == scene.data(TLS)

    played(act)


def test_where_nothing_is_served_yet_there_is_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        monkeypatch.setattr(certificate_keeper, "_PROPAGATION", 3600)

        await scene.keeper.keep()

        assert scene.is_up_to_date()

    played(act)


def test_where_both_secrets_are_lost_the_served_certificate_stays_trusted() -> None:
    """The webhooks serve the previous certificate until they have received the new one."""

    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        await scene.keeper.keep()
        served, first = scene.data(TLS)["tls.crt"], scene.bundles()[0]
        for name in (CA, TLS):
            scene.server.delete(SECRETS, name, NS)

        await scene.keeper.keep()

        assert scene.is_up_to_date()
        assert [scene.data(CA)["ca.crt"], first] == x509_reader.split_bundle(scene.bundles()[0])
        assert x509_reader.is_signed_by(served, first)

    played(act)


def test_a_foreign_ca_in_the_configuration_is_removed() -> None:
    async def act(scene: Scene) -> None:
        foreign = base64.b64encode(x509_issuer.authority(NOW, ["elsewhere.svc"]).certificate).decode()
        await scene.keeper.keep()
        scene.server.put(
            VALIDATING_WEBHOOKS,
            {"metadata": {"name": "netattach"}, "webhooks": [webhook("nads.netattach.io", caBundle=foreign)]},
        )

        await scene.keeper.keep()

        assert [scene.data(CA)["ca.crt"]] == scene.bundles()

    played(act)


def test_where_a_ca_cannot_be_published_nothing_is_signed_with_it() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        await scene.keeper.keep()
        scene.now += timedelta(days=300)
        before = scene.data(TLS)
        scene.server.fail(503, method="PUT", path="validatingwebhook")

        with pytest.raises(TryAgainError):
            await scene.keeper.keep()

        assert before == scene.data(TLS)

    played(act)


def test_a_conflict_with_another_writer_is_retried() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        scene.server.fail(409, method="PUT", path="validatingwebhook", times=2)

        await scene.keeper.keep()

        assert scene.is_up_to_date()

    played(act)


def test_repeated_conflicts_are_an_error() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        scene.server.fail(409, method="PUT", path="validatingwebhook", times=5)

        with pytest.raises(ConflictError):
            await scene.keeper.keep()

    played(act)


def test_other_fields_of_a_secret_are_kept() -> None:
    async def act(scene: Scene) -> None:
        metadata = {"namespace": NS, "name": TLS, "labels": {"a": "b"}}
        scene.server.put(
            SECRETS, {"metadata": metadata, "type": "Opaque", "data": {"note": "eA==", "tls.crt": "%"}}
        )

        await scene.keeper.keep()

        body = scene.server.read(SECRETS, TLS, NS)
        assert ({"a": "b"}, "Opaque", "eA==") == (
            body["metadata"]["labels"],
            body["type"],
            body["data"]["note"],
        )
        assert scene.data(TLS)["tls.crt"].startswith(b"-----BEGIN CERTIFICATE")

    played(act)


def _corrupt(server: ApiServer, name: str, key: str) -> None:
    body = server.read(SECRETS, name, NS)
    body["data"][key] = base64.b64encode(b"corrupt").decode()
    server.put(SECRETS, body)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda server: server.delete(SECRETS, CA, NS), id="the CA's Secret is deleted"),
        pytest.param(lambda server: server.delete(SECRETS, TLS, NS), id="the webhooks' Secret is deleted"),
        pytest.param(lambda server: _corrupt(server, CA, "ca.crt"), id="a corrupt CA"),
        pytest.param(lambda server: _corrupt(server, CA, "ca.key"), id="a corrupt key of the CA"),
        pytest.param(lambda server: _corrupt(server, CA, "ca-bundle.crt"), id="a corrupt bundle"),
        pytest.param(lambda server: _corrupt(server, TLS, "tls.crt"), id="a corrupt certificate"),
        pytest.param(lambda server: _corrupt(server, TLS, "tls.key"), id="a corrupt key"),
        pytest.param(
            lambda server: server.put(VALIDATING_WEBHOOKS, CONFIGURATION),
            id="a configuration that is applied again",
        ),
    ],
)
def test_damage_is_repaired(damage: Callable[[ApiServer], None]) -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        async with running(scene):
            await scene.server.until(scene.is_up_to_date)
            damage(scene.server)
            await scene.server.until(scene.is_up_to_date)
            damage(scene.server)
            await scene.server.until(scene.is_up_to_date)

    played(act)


def test_the_bundle_is_published_to_a_configuration_that_is_created_later() -> None:
    async def act(scene: Scene) -> None:
        async with running(scene):
            await scene.server.until(lambda: scene.server.has(SECRETS, TLS, NS))
            scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
            await scene.server.until(scene.is_up_to_date)

    played(act)


def test_an_unreachable_api_is_waited_for_and_reported() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        scene.server.away = True
        assert "the certificates have not been checked yet" == scene.keeper.problem
        async with running(scene):
            while "not up to date: GET /api" not in str(scene.keeper.problem):  # noqa: ASYNC110  # it has no event
                await asyncio.sleep(0.01)
            scene.server.away = False
            await scene.server.until(scene.is_up_to_date)
            while scene.keeper.problem:  # noqa: ASYNC110  # it has no event
                await asyncio.sleep(0.01)

    played(act)


def test_metrics_have_the_expiry_of_certificates() -> None:
    async def act(scene: Scene) -> None:
        await scene.keeper.keep()

        sample, metric = (
            scene.metrics.registry.get_sample_value,
            "netattach_certificate_expiry_timestamp_seconds",
        )
        assert (NOW + timedelta(days=90)).timestamp() == sample(metric, {"certificate": "serving"})
        assert (NOW + timedelta(days=365)).timestamp() == sample(metric, {"certificate": "ca"})
        assert 1 == sample("netattach_trusted_cas")

        scene.server.delete(SECRETS, CA, NS)
        await scene.keeper.keep()

        assert 2 == sample("netattach_trusted_cas")

    played(act)
