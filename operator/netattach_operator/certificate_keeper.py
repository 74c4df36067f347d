"""Keeps the certificates: reads the Secrets, lets `certificate_plan` decide, and writes them.

Level-triggered: at the start, whenever one of the objects changes, when a previous CA is to be removed, and every hour; every
minute while a configuration may not be read. The order matters: a new CA is published to the API servers before anything is
signed with it, and they get the time to receive it.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from netattach_core.api.objects import Body
from netattach_core.errors import ConflictError, NetattachError, NotFoundError
from netattach_kube.api import Api
from netattach_kube.backoff import Backoff
from netattach_kube.failures import ForbiddenError
from netattach_kube.resource import MUTATING_WEBHOOKS, SECRETS, VALIDATING_WEBHOOKS, Resource
from netattach_kube.watched import Watched
from netattach_operator import certificate_distrust, certificate_plan, x509_reader
from netattach_operator.certificate_plan import BUNDLE, CA, CERTIFICATE, AuthorityPlan, Data, Plan, Stored
from netattach_operator.metrics import Metrics
from netattach_operator.settings import Settings

_log = logging.getLogger(__name__)

_AT_LEAST_EVERY = 3600.0
_AT_MOST_EVERY = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_PROPAGATION = 5.0
"""Seconds in which every API server receives a new CA: each watches for itself, and none reports what it has received."""

_TRIES = 5
"""For objects with other writers: each starts again with what is there now."""

_NONE: Mapping[str, str] = MappingProxyType({})


class CertificateKeeper:
    """`problem` is why the certificates are not up to date, for readiness; None where they are."""

    def __init__(
        self,
        api: Api,
        settings: Settings,
        metrics: Metrics,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api = api
        self._settings = settings
        self._metrics = metrics
        self._now = now
        self._object_changed = asyncio.Event()
        self._latest = _AT_LEAST_EVERY
        self.problem: str | None = "the certificates have not been checked yet"

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            for resource, namespace, name in self._objects():
                watched = Watched(
                    self._api,
                    resource,
                    lambda body: body,
                    namespace=namespace,
                    fields=f"metadata.name={name}",
                    changed=lambda _: self._object_changed.set(),
                )
                tasks.create_task(watched.run(), name=f"watch of {name}")
            await self._keep_all()

    async def keep(self) -> float:
        """Brings everything up to date. Returns the seconds until the next time if nothing changes. Raises NetattachError."""
        for _ in range(_TRIES):
            try:
                return await self._pass()
            except ConflictError as error:
                conflict = error
        raise conflict

    async def _pass(self) -> float:
        """Reads first what it writes last before it signs, the configurations.

        So a pass that another operator has overtaken ends with a conflict, and never publishes an outdated bundle.
        """
        settings = self._settings
        self._latest = _AT_LEAST_EVERY
        configurations = [(kind, await self._configuration(kind, name)) for kind, name in self._configured()]
        ca, tls = await self._secret(settings.ca_secret), await self._secret(settings.tls_secret)
        trusted = b"".join(
            bundle_of(body, settings.namespace, settings.service) for _, body in configurations if body
        )
        distrust = certificate_distrust.from_annotations(_annotations(ca))
        stored = Stored(_data(ca), _data(tls), trusted, distrust)
        authority = certificate_plan.plan_authority(self._now(), settings.names, stored)
        await self._write(settings.ca_secret, "Opaque", ca, authority, authority.distrust.annotations())
        for kind, body in configurations:
            await self._publish(kind, body, authority.data[BUNDLE])
        serving = await self._serving(authority, stored.tls)
        await self._write(settings.tls_secret, "kubernetes.io/tls", tls, serving)
        self._measure(authority, serving)
        removal = certificate_plan.next_removal(authority, serving)
        return min(self._latest, (removal - self._now()).total_seconds()) if removal else self._latest

    async def _serving(self, authority: AuthorityPlan, tls: Data) -> Plan:
        """Waits until API servers trust what signs; the certificate that is served meanwhile is valid with both bundles.

        It waits also where the bundle was published by an earlier pass: this one may follow a restart right after that.
        """

        def plan() -> Plan:
            return certificate_plan.plan_serving(self._now(), authority.data, tls, self._settings.names)

        if certificate_plan.has_previous(authority.data) and plan().reason:
            await asyncio.sleep(_PROPAGATION)
        return plan()

    def _measure(self, authority: AuthorityPlan, serving: Plan) -> None:
        for certificate, text in (("ca", authority.data[CA]), ("serving", serving.data[CERTIFICATE])):
            self._metrics.certificate_expiry.labels(certificate).set(
                x509_reader.read_facts(text).not_after.timestamp()
            )
        self._metrics.trusted_cas.set(len(x509_reader.split_bundle(authority.data[BUNDLE])))

    async def _keep_all(self) -> None:
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        while True:
            self._object_changed.clear()
            try:
                pause = await self.keep()
            except NetattachError as error:
                self.problem = f"the certificates are not up to date: {error}"
                _log.warning("%s", self.problem)
                await asyncio.sleep(backoff.next())
                continue
            self.problem = None
            backoff.reset()
            await asyncio.sleep(_AT_MOST_EVERY)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause - _AT_MOST_EVERY):
                    await self._object_changed.wait()

    def _objects(self) -> list[tuple[Resource, str, str]]:
        settings = self._settings
        return [
            (SECRETS, settings.namespace, settings.ca_secret),
            (SECRETS, settings.namespace, settings.tls_secret),
            *((kind, "", name) for kind, name in self._configured()),
        ]

    def _configured(self) -> list[tuple[Resource, str]]:
        """The webhook configurations."""
        settings = self._settings
        return [(VALIDATING_WEBHOOKS, settings.webhooks), (MUTATING_WEBHOOKS, settings.mutating_webhooks)]

    async def _secret(self, name: str) -> Body | None:
        try:
            return await self._api.get(SECRETS, name, self._settings.namespace)
        except NotFoundError:
            return None

    async def _write(
        self, name: str, kind: str, before: Body | None, plan: Plan, annotations: Mapping[str, str] = _NONE
    ) -> None:
        """With the version that was read: where another writer was faster, it raises ConflictError and the pass starts again."""
        if not plan.reason:
            return
        _log.info("writing Secret %s: %s", name, plan.reason)
        namespace = self._settings.namespace
        data = {key: base64.b64encode(value).decode() for key, value in plan.data.items()}
        if before is None:
            metadata = {
                "name": name,
                "namespace": namespace,
                "labels": {"app.kubernetes.io/part-of": "netattach"},
                "annotations": dict(annotations),
            }
            await self._api.create(SECRETS, {"metadata": metadata, "type": kind, "data": data}, namespace)
        else:
            metadata = {**before["metadata"], "annotations": {**_annotations(before), **annotations}}
            after = {**before, "metadata": metadata, "data": {**(before.get("data") or {}), **data}}
            await self._api.replace(SECRETS, after, name, namespace)

    async def _configuration(self, kind: Resource, name: str) -> Body | None:
        """None where the webhooks are not installed, and for one that the roles of a release without mutation do not include.

        During a rollback those roles are in force before that release's operator: what they do include is kept up to date. It may
        also be for a moment, as while roles are replaced, so the next pass is soon.
        """
        try:
            return await self._api.get(kind, name)
        except NotFoundError:
            return None
        except ForbiddenError as error:
            if kind is not MUTATING_WEBHOOKS:
                raise
            _log.warning("the CA bundle of the %s is not kept up to date: %s", kind.kind, error)
            self._latest = _LONGEST_PAUSE
            return None

    async def _publish(self, kind: Resource, configuration: Body | None, bundle: bytes) -> None:
        """Writes the bundle to a webhook configuration. One that appears or disappears meanwhile starts the next pass."""
        if configuration is None:
            return
        after = with_bundle(configuration, bundle, self._settings.namespace, self._settings.service)
        if after == configuration:
            return
        with suppress(NotFoundError):
            await self._api.replace(kind, after, configuration["metadata"]["name"])
            _log.info("the CA bundle is written to the %s", kind.kind)


def with_bundle(configuration: Body, bundle: bytes, namespace: str, service: str) -> Body:
    """The webhook configuration with this bundle in each webhook of our Service."""
    text = base64.b64encode(bundle).decode()

    def fixed(webhook: Body) -> Body:
        if not _is_ours(webhook, namespace, service):
            return webhook
        return {**webhook, "clientConfig": {**webhook["clientConfig"], "caBundle": text}}

    webhooks = configuration.get("webhooks") or []
    return {**configuration, "webhooks": [fixed(one) for one in webhooks]} if webhooks else configuration


def bundle_of(configuration: Body, namespace: str, service: str) -> bytes:
    """The bundles of all webhooks of our Service; what cannot be decoded counts as absent."""
    found = b""
    for webhook in configuration.get("webhooks") or []:
        if _is_ours(webhook, namespace, service):
            with suppress(ValueError):
                found += base64.b64decode(webhook["clientConfig"].get("caBundle") or "", validate=True)
    return found


def _is_ours(webhook: Body, namespace: str, service: str) -> bool:
    to = (webhook.get("clientConfig") or {}).get("service") or {}
    return (to.get("namespace"), to.get("name")) == (namespace, service)


def _annotations(secret: Body | None) -> Mapping[str, str]:
    return ((secret or {}).get("metadata") or {}).get("annotations") or {}


def _data(secret: Mapping[str, Any] | None) -> Data:
    """What cannot be decoded counts as absent."""
    found = {}
    for key, text in ((secret or {}).get("data") or {}).items():
        with suppress(ValueError):
            found[key] = base64.b64decode(text, validate=True)
    return found
