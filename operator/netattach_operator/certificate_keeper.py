"""Keeps the certificates: reads what is there, lets `certificates` decide, writes what is wanted.

Level-triggered: at the start, whenever one of the objects changes, and each hour. In one pass the order matters: API servers are
told of a new CA before anything is signed with it, and are given the time to hear of it.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from netattach_core.api.objects import Body
from netattach_core.errors import ConflictError, NetattachError, NotFoundError
from netattach_kube.api import Api
from netattach_kube.resource import SECRETS, VALIDATING_WEBHOOKS, Resource
from netattach_kube.watched import Watched
from netattach_operator import certificates, pem
from netattach_operator.certificates import BUNDLE, CA, CERTIFICATE, Data, Plan
from netattach_operator.metrics import Metrics
from netattach_operator.settings import Settings

_log = logging.getLogger(__name__)


_AT_LEAST_EVERY = 3600.0
_AT_MOST_EVERY = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_HEARING = 5.0
"""Seconds in which every API server hears of a new CA. They watch, each for itself, and none says what it has seen."""

_TRIES = 5
"""At an object that somebody else writes too."""


class CertificateKeeper:
    """`problem` is why the certificates are not right, for readiness; None where they are."""

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
        self._wanted = asyncio.Event()
        self.problem: str | None = "the certificates have not been looked at yet"

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
                    changed=lambda _: self._wanted.set(),
                )
                tasks.create_task(watched.run(), name=f"watch of {name}")
            await self._keep_on()

    async def keep(self) -> None:
        """One pass. Raises NetattachError."""
        settings, now = self._settings, self._now()
        ca, tls = await self._secret(settings.ca_secret), await self._secret(settings.tls_secret)
        authority = certificates.plan_authority(now, _data(ca), _data(tls), await self._told())
        await self._write(settings.ca_secret, "Opaque", ca, authority)
        told = await self._tell_api_servers(authority.data[BUNDLE])
        serving = certificates.plan_serving(now, authority.data, _data(tls), settings.names)
        if told and serving.reason and certificates.has_previous(authority.data):
            await asyncio.sleep(
                _HEARING
            )  # what is served meanwhile is trusted by those who have heard and those who have not
        await self._write(settings.tls_secret, "kubernetes.io/tls", tls, serving)
        for certificate, text in (("ca", authority.data[CA]), ("serving", serving.data[CERTIFICATE])):
            self._metrics.expiry.labels(certificate).set(pem.facts(text).ends.timestamp())

    async def _keep_on(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            self._wanted.clear()
            try:
                await self.keep()
            except NetattachError as error:
                self.problem = f"the certificates are not right: {error}"
                _log.warning("%s", self.problem)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            self.problem, pause = None, _FIRST_PAUSE
            await asyncio.sleep(_AT_MOST_EVERY)
            with suppress(TimeoutError):
                async with asyncio.timeout(_AT_LEAST_EVERY):
                    await self._wanted.wait()

    def _objects(self) -> list[tuple[Resource, str, str]]:
        settings = self._settings
        return [
            (SECRETS, settings.namespace, settings.ca_secret),
            (SECRETS, settings.namespace, settings.tls_secret),
            (VALIDATING_WEBHOOKS, "", settings.webhooks),
        ]

    async def _secret(self, name: str) -> Body | None:
        try:
            return await self._api.get(SECRETS, name, self._settings.namespace)
        except NotFoundError:
            return None

    async def _write(self, name: str, kind: str, before: Body | None, plan: Plan) -> None:
        """With the version that was read, so that nobody's change in between is lost: the pass begins anew then."""
        if not plan.reason:
            return
        _log.info("secret %s is written: %s", name, plan.reason)
        namespace = self._settings.namespace
        data = {key: base64.b64encode(value).decode() for key, value in plan.data.items()}
        if before is None:
            metadata = {
                "name": name,
                "namespace": namespace,
                "labels": {"app.kubernetes.io/part-of": "netattach"},
            }
            await self._api.create(SECRETS, {"metadata": metadata, "type": kind, "data": data}, namespace)
        else:
            after = {**before, "data": {**(before.get("data") or {}), **data}}
            await self._api.replace(SECRETS, after, name, namespace)

    async def _told(self) -> bytes:
        """Whom API servers trust at present."""
        with suppress(NotFoundError):
            configuration = await self._api.get(VALIDATING_WEBHOOKS, self._settings.webhooks)
            return bundle_of(configuration, self._settings.namespace, self._settings.service)
        return b""

    async def _tell_api_servers(self, bundle: bytes) -> bool:
        """Writes the bundle into the webhook configuration, where there is one: it comes and goes with the webhooks.

        Whether it is news to them.
        """
        name = self._settings.webhooks
        for _ in range(_TRIES):
            try:
                before = await self._api.get(VALIDATING_WEBHOOKS, name)
                after = with_bundle(before, bundle, self._settings.namespace, self._settings.service)
                if after == before:
                    return False
                await self._api.replace(VALIDATING_WEBHOOKS, after, name)
            except NotFoundError:
                return False
            except ConflictError as error:
                conflict = error
                continue
            _log.info("the CA is told to the API servers")
            return True
        raise conflict


def with_bundle(configuration: Body, bundle: bytes, namespace: str, service: str) -> Body:
    """The webhook configuration with this bundle in each webhook that our Service answers."""
    text = base64.b64encode(bundle).decode()

    def fixed(webhook: Body) -> Body:
        if not _is_ours(webhook, namespace, service):
            return webhook
        return {**webhook, "clientConfig": {**webhook["clientConfig"], "caBundle": text}}

    webhooks = configuration.get("webhooks") or []
    return {**configuration, "webhooks": [fixed(one) for one in webhooks]} if webhooks else configuration


def bundle_of(configuration: Body, namespace: str, service: str) -> bytes:
    """All that is trusted in webhooks that our Service answers; what cannot be decoded counts as not there."""
    found = b""
    for webhook in configuration.get("webhooks") or []:
        if _is_ours(webhook, namespace, service):
            with suppress(ValueError):
                found += base64.b64decode(webhook["clientConfig"].get("caBundle") or "", validate=True)
    return found


def _is_ours(webhook: Body, namespace: str, service: str) -> bool:
    to = (webhook.get("clientConfig") or {}).get("service") or {}
    return (to.get("namespace"), to.get("name")) == (namespace, service)


def _data(secret: Mapping[str, Any] | None) -> Data:
    """What cannot be decoded counts as not there."""
    found = {}
    for key, text in ((secret or {}).get("data") or {}).items():
        with suppress(ValueError):
            found[key] = base64.b64decode(text, validate=True)
    return found
