"""Keeps the CRDs at the server equal to those in the image, and waits until their kinds are served.

Where another manager keeps applying its own, the operator applies ours once per interval and reports it, rather than compete.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from netattach_core.api.objects import Body
from netattach_core.errors import NetattachError, NotFoundError, TryAgainError
from netattach_kube import events
from netattach_kube.api import Api
from netattach_kube.backoff import Backoff
from netattach_kube.events import Subject
from netattach_kube.resource import CRDS, Resource
from netattach_operator import crds
from netattach_operator.crds import Action
from netattach_operator.metrics import Metrics

_log = logging.getLogger(__name__)

MANAGER = "netattach-operator"

_EVERY = 600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_POLL_EVERY = 0.25
_POLLS = 120
"""At least half a minute, in which a CRD is established unless its names are taken."""


@dataclass(frozen=True, slots=True)
class _Discovery(Resource):
    """The discovery document of a group; without a version, that of its versions."""

    def path(self, name: str = "", namespace: str = "", subresource: str = "") -> str:
        del name, namespace, subresource
        return f"/apis/{self.group}/{self.version}".rstrip("/")


class CrdKeeper:
    """`problem` is why a CRD is not up to date, for readiness; None where all are."""

    def __init__(self, api: Api, wanted: Sequence[Body], metrics: Metrics) -> None:
        self._api = api
        self._wanted = wanted
        self._metrics = metrics
        self._kept_foreign: dict[str, str] = {}
        self._applied: dict[str, float] = {}
        self.problem: str | None = "the CRDs have not been applied yet"

    async def run(self) -> None:
        """Never returns."""
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        while True:
            problems = [problem for ours in self._wanted if (problem := await self._problem(ours))]
            self.problem = "; ".join(problems) or None
            if problems:
                _log.warning("%s", self.problem)
                await asyncio.sleep(backoff.next())
            else:
                backoff.reset()
                await asyncio.sleep(_EVERY)

    async def served(self) -> None:
        """Returns once the API serves all of our kinds, from our CRDs or from foreign ones."""
        for ours in self._wanted:
            while not await self._is_served(ours["spec"]):  # noqa: ASYNC110  # what is waited for is in the API
                await asyncio.sleep(_POLL_EVERY)

    async def keep(self, ours: Body) -> None:
        """Brings one CRD up to date. Raises NetattachError."""
        name = ours["metadata"]["name"]
        live = await self._live(name)
        action, reason = crds.decide(ours, live)
        if live and action is Action.KEEP_FOREIGN:
            await self._keep_foreign(live, reason)
        elif action is not Action.KEEP and self._may_apply(name):
            _log.info("CRD %s is applied: %s", name, reason)
            after = await self._api.apply(CRDS, ours, name, manager=MANAGER)
            if action is Action.ADOPT:
                await self._report_adoption(after, reason)
            self._applied[name] = time.monotonic()
            self._metrics.crd_applies.labels(name).inc()
        await self._established(name)

    def _may_apply(self, name: str) -> bool:
        """Once per interval, however often another manager applies its own."""
        return time.monotonic() - self._applied.get(name, -_EVERY) >= _EVERY

    async def _problem(self, ours: Body) -> str:
        try:
            await self.keep(ours)
        except NetattachError as error:
            return f"CRD {ours['metadata']['name']} is not up to date: {error}"
        return ""

    async def _live(self, name: str) -> Body | None:
        try:
            return await self._api.get(CRDS, name)
        except NotFoundError:
            return None

    async def _established(self, name: str) -> None:
        why = ""
        for _ in range(_POLLS):
            established, why = crds.is_established(await self._api.get(CRDS, name))
            if established:
                return
            await asyncio.sleep(_POLL_EVERY)
        raise TryAgainError(why)

    async def _is_served(self, spec: dict[str, Any]) -> bool:
        """Whether discovery lists the kind, which is later than its CRD is established; kopf uses discovery, and only once."""
        group, plural = spec["group"], spec["names"]["plural"]
        version = spec["versions"][0]["name"]
        try:
            versions = await self._api.get(_Discovery(group, "", "", "APIGroup"), "")
            if version not in {each["version"] for each in versions.get("versions") or ()}:
                return False
            kinds = await self._api.get(_Discovery(group, version, "", "APIResourceList"), "")
        except NetattachError:
            return False
        return plural in {each["name"] for each in kinds.get("resources") or ()}

    async def _keep_foreign(self, live: Body, reason: str) -> None:
        name = live["metadata"]["name"]
        if self._kept_foreign.get(name) != reason:
            self._kept_foreign[name] = reason
            await self._report(
                live, events.WARNING, "NotAdopted", f"netattach does not change this CRD: {reason}"
            )

    async def _report_adoption(self, live: Body, reason: str) -> None:
        if live["metadata"]["name"] in self._applied:
            again = f"another manager had applied its CRD ({reason}); netattach's is applied again. All objects are kept"
            await self._report(live, events.WARNING, "AppliedAgain", again)
        else:
            adopted = f"netattach has adopted this CRD ({reason}). All objects are kept"
            await self._report(live, events.NORMAL, "Adopted", adopted)

    async def _report(self, live: Body, kind: str, reason: str, message: str) -> None:
        """In the log, and as an Event on the CRD."""
        metadata = live["metadata"]
        _log.warning("CRD %s: %s", metadata["name"], message)
        subject = Subject(CRDS, metadata["name"], uid=metadata.get("uid", ""))
        try:
            await events.post(
                self._api, subject, kind=kind, reason=reason, message=message, source={"component": MANAGER}
            )
        except NetattachError as error:
            _log.info("the Event on CRD %s is not written: %s", metadata["name"], error)
