"""At no time a webhook serves a certificate that API servers do not trust: with an operator killed at any write, and with two."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from netattach_core.api.objects import Body
from netattach_core.errors import ConflictError
from netattach_kube.resource import SECRETS, VALIDATING_WEBHOOKS, Resource
from netattach_operator import certificate_keeper, certificate_plan, x509_reader
from netattach_operator.certificate_distrust import KEYS, OBSERVED, REQUESTED
from netattach_operator.certificate_keeper import CertificateKeeper
from netattach_operator.metrics import Metrics
from netattach_operator.settings import Settings
from support import api_server, certificates
from support.api_server import ApiServer

NS = "netattach-system"
CA, TLS = "netattach-ca", "netattach-webhooks-tls"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CONFIGURATION = {
    "metadata": {"name": "netattach"},
    "webhooks": [
        {
            "name": "nads.netattach.io",
            "clientConfig": {"service": {"name": "netattach-webhooks", "namespace": NS}},
        }
    ],
}
LATE = timedelta(seconds=25)
"""How late a replica may be with a new certificate."""


class KilledError(Exception):
    """The operator was killed."""


@dataclass
class Scene:
    """A cluster, its webhooks, and operators that can be killed. `now` is the time for all of them.

    `served` has the certificates that some replica may serve, each with the time since when it is replaced (None: not yet).
    """

    server: ApiServer
    now: datetime = NOW
    served: dict[bytes, datetime | None] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """When a replica served what was not trusted."""

    def secret(self, name: str) -> dict[str, bytes]:
        data = self.server.read(SECRETS, name, NS)["data"] if self.server.has(SECRETS, name, NS) else {}
        return {key: base64.b64decode(text) for key, text in data.items()}

    def trusted(self) -> list[bytes]:
        webhooks = self.server.read(VALIDATING_WEBHOOKS, "netattach")["webhooks"]
        return x509_reader.split_bundle(base64.b64decode(webhooks[0]["clientConfig"].get("caBundle", "")))

    def put(self, name: str, data: Mapping[str, bytes], annotations: Mapping[str, str] | None = None) -> None:
        texts = {key: base64.b64encode(text).decode() for key, text in data.items()}
        metadata = {"name": name, "namespace": NS, "annotations": dict(annotations or {})}
        self.server.put(SECRETS, {"metadata": metadata, "data": texts})
        self.observe("put")

    def publish(self, bundle: bytes) -> None:
        before = self.server.read(VALIDATING_WEBHOOKS, "netattach")
        after = certificate_keeper.with_bundle(before, bundle, NS, "netattach-webhooks")
        self.server.put(VALIDATING_WEBHOOKS, after)

    def annotate(self, value: str) -> None:
        body = self.server.read(SECRETS, CA, NS)
        body["metadata"].setdefault("annotations", {})[REQUESTED] = value
        self.server.put(SECRETS, body)

    def annotations(self) -> Mapping[str, str]:
        return self.server.read(SECRETS, CA, NS)["metadata"].get("annotations") or {}

    def observe(self, write: str) -> None:
        current = self.secret(TLS).get("tls.crt")
        if current:
            for one, replaced in self.served.items():
                self.served[one] = replaced or self.now
            self.served[current] = None
        for one, replaced in self.served.items():
            late = replaced and self.now - replaced > LATE
            if not late and not any(x509_reader.is_signed_by(one, ca) for ca in self.trusted()):
                self.refused.append(f"{write} at {self.now}")

    async def keep(self, killed_before: int = 1000) -> CertificateKeeper:
        """One operator, which is killed before it writes for that time, counted from 0."""
        api: Any = KillableApi(self, killed_before)
        keeper = CertificateKeeper(api, Settings(), Metrics(), lambda: self.now)
        await keeper.keep()
        return keeper


class KillableApi:
    """What `CertificateKeeper` needs of an `Api`."""

    def __init__(self, scene: Scene, killed_before: int) -> None:
        self._scene = scene
        self._left = killed_before

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Body:
        return await self._scene.server.api.get(resource, name, namespace)

    async def create(self, resource: Resource, body: Body, namespace: str = "") -> Body:
        self._count()
        done = await self._scene.server.api.create(resource, body, namespace)
        self._scene.observe(f"create {body['metadata']['name']}")
        return done

    async def replace(self, resource: Resource, body: Body, name: str, namespace: str = "") -> Body:
        self._count()
        done = await self._scene.server.api.replace(resource, body, name, namespace)
        self._scene.observe(f"replace {name}")
        return done

    def _count(self) -> None:
        if not self._left:
            raise KilledError
        self._left -= 1


@pytest.fixture(autouse=True)
def _short_propagation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_keeper, "_PROPAGATION", 0.0)


def played(act: Callable[[Scene], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
            await act(Scene(server))

    asyncio.run(story())


async def renewed(scene: Scene) -> None:
    await scene.keep()
    scene.now += 300 * DAY


async def distrusted(scene: Scene) -> None:
    await scene.keep()
    scene.annotate("leaked")


async def upgraded(scene: Scene) -> None:
    old = certificates.authority(scene.now - 100 * DAY)
    scene.put(CA, old)
    scene.publish(old["ca.crt"])
    scene.put(TLS, certificate_plan.plan_serving(scene.now, old, {}, Settings().names).data)


async def without_its_ca(scene: Scene) -> None:
    await scene.keep()
    scene.server.delete(SECRETS, CA, NS)


async def without_both(scene: Scene) -> None:
    await scene.keep()
    for name in (CA, TLS):
        scene.server.delete(SECRETS, name, NS)


async def distrusted_during_a_renewal(scene: Scene) -> None:
    await renewed(scene)
    with pytest.raises(KilledError):
        await scene.keep(killed_before=2)
    scene.annotate("leaked")


SCENES = [renewed, distrusted, upgraded, without_its_ca, without_both, distrusted_during_a_renewal]


@pytest.mark.parametrize("begin", SCENES)
@pytest.mark.parametrize("killed_before", range(4))
def test_an_operator_killed_at_any_write_leaves_nothing_untrusted(
    begin: Callable[[Scene], Awaitable[None]], killed_before: int
) -> None:
    """Also if the next one is killed at any write of the removal, a day later."""

    async def act(scene: Scene) -> None:
        await begin(scene)
        before = set(scene.trusted())
        if killed_before < 3:
            with pytest.raises(KilledError):
                await scene.keep(killed_before)
            scene.now += timedelta(seconds=15)
        await scene.keep()
        assert before < set(scene.trusted())
        scene.now += DAY
        if killed_before < 3:
            with pytest.raises(KilledError):
                await scene.keep(killed_before)
        await scene.keep()

        assert [] == scene.refused
        assert [scene.secret(CA)["ca.crt"]] == scene.trusted()
        assert not before & set(scene.trusted())
        assert x509_reader.is_signed_by(scene.secret(TLS)["tls.crt"], scene.trusted()[0])
        assert scene.secret(TLS)["ca.crt"] == scene.trusted()[0]

    played(act)


def test_a_distrusted_ca_leaves_the_bundle_within_half_a_minute() -> None:
    async def act(scene: Scene) -> None:
        await distrusted(scene)
        leaked = scene.trusted()[0]
        await scene.keep()
        assert leaked in scene.trusted()
        scene.now += timedelta(seconds=30)
        await scene.keep()

        assert [scene.secret(CA)["ca.crt"]] == scene.trusted()
        assert leaked not in (*scene.trusted(), scene.secret(TLS)["ca.crt"])
        assert [] == scene.refused
        assert ("leaked", x509_reader.read_facts(leaked).key_id) == (
            scene.annotations()[OBSERVED],
            scene.annotations()[KEYS],
        )

    played(act)


def test_what_was_carried_out_is_not_written_again() -> None:
    async def act(scene: Scene) -> None:
        await distrusted(scene)
        await scene.keep()
        scene.now += timedelta(seconds=30)
        await scene.keep()

        await scene.keep(killed_before=0)
        scene.now += 50 * DAY
        await scene.keep(killed_before=0)

    played(act)


@pytest.mark.parametrize("begin", SCENES)
def test_two_operators_at_once_agree(begin: Callable[[Scene], Awaitable[None]]) -> None:
    """One of them believes that it still has the Lease."""

    async def act(scene: Scene) -> None:
        async def until_it_is_done() -> None:
            while True:
                try:
                    await scene.keep()
                except ConflictError:
                    continue
                return

        await begin(scene)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(2):
                tasks.create_task(until_it_is_done())
        signing = scene.secret(CA)["ca.crt"]

        assert [] == scene.refused
        assert signing == scene.trusted()[0]
        assert x509_reader.is_signed_by(scene.secret(TLS)["tls.crt"], signing)

    played(act)


def test_an_operator_that_was_overtaken_does_not_publish_what_it_read() -> None:
    """It read everything before the CA was distrusted, and continues when the new certificate is served."""

    async def act(scene: Scene) -> None:
        await scene.keep()
        foreign = certificates.authority(NOW)["ca.crt"]  # so that both have something to publish
        scene.publish(scene.trusted()[0] + foreign)
        stopped, go_on = asyncio.Event(), asyncio.Event()

        class Overtaken(KillableApi):
            async def get(self, resource: Resource, name: str, namespace: str = "") -> Body:
                found = await super().get(resource, name, namespace)
                if name == TLS and not stopped.is_set():
                    stopped.set()
                    await go_on.wait()
                return found

        api: Any = Overtaken(scene, 1000)
        slow = CertificateKeeper(api, Settings(), Metrics(), lambda: scene.now)
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(slow.keep())
            await stopped.wait()
            scene.annotate("leaked")
            await scene.keep()
            scene.now += timedelta(seconds=30)
            await scene.keep()
            newest = scene.trusted()
            go_on.set()
            await keeping

        assert [scene.secret(CA)["ca.crt"]] == newest == scene.trusted()
        assert [] == scene.refused

    played(act)


def test_a_certificate_is_not_issued_right_after_a_restart_in_the_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bundle is already published, but API servers may not have it yet."""

    async def act(scene: Scene) -> None:
        await renewed(scene)
        with pytest.raises(KilledError):
            await scene.keep(killed_before=2)
        before = scene.secret(TLS)
        monkeypatch.setattr(certificate_keeper, "_PROPAGATION", 3600)

        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(scene.keep())
            done, _ = await asyncio.wait([keeping], timeout=0.1)
            keeping.cancel()

        assert not done
        assert before == scene.secret(TLS)

    played(act)


async def revoked(scene: Scene, value: str) -> None:
    leaked = scene.trusted()
    scene.annotate(value)
    await scene.server.until(lambda: scene.annotations().get(OBSERVED) == value)
    await scene.server.until(lambda: len(scene.trusted()) == 1 and scene.trusted() != leaked)


def test_a_running_operator_carries_out_what_is_annotated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without another event, at the time when the CA is to be removed."""
    monkeypatch.setattr(certificate_plan, "_KEPT_IF_DISTRUSTED", timedelta(seconds=2))

    async def act(scene: Scene) -> None:
        loop = asyncio.get_running_loop()
        keeper = CertificateKeeper(
            scene.server.api,
            Settings(),
            Metrics(),
            lambda: NOW + timedelta(seconds=loop.time()),
        )
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(keeper.run())
            await scene.server.until(lambda: len(scene.trusted()) == 1 and bool(scene.secret(TLS)))
            for value in ("once", "twice"):
                await revoked(scene, value)
            running.cancel()

        assert [scene.secret(CA)["ca.crt"]] == scene.trusted()
        assert 2 == len(scene.annotations()[KEYS].split(","))

    played(act)
