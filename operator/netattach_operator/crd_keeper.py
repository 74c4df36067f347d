"""Keeps the CRDs at the server as they are in the image, and knows when their kinds are served.

Where another manager keeps applying its own, that is answered once in an interval and told, not fought over.
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
from netattach_kube.events import Subject
from netattach_kube.resource import CRDS, Resource
from netattach_operator import crds
from netattach_operator.crds import Action
from netattach_operator.metrics import Metrics

_log = logging.getLogger(__name__)

MANAGER = "netattach-operator"

_EVERY = 600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_LOOK_AGAIN = 0.25
_ESTABLISHED_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class _Discovery(Resource):
    """What the API says that it serves of a group; without a version, which versions."""

    def path(self, name: str = "", namespace: str = "", subresource: str = "") -> str:
        del name, namespace, subresource
        return f"/apis/{self.group}/{self.version}".rstrip("/")


class CrdKeeper:
    """`problem` is why a CRD is not as it should be, for readiness; None where all are."""

    def __init__(self, api: Api, wanted: Sequence[Body], metrics: Metrics) -> None:
        self._api = api
        self._wanted = wanted
        self._metrics = metrics
        self._left: dict[str, str] = {}
        self._applied: dict[str, float] = {}
        self.problem: str | None = "the CRDs have not been applied yet"

    async def run(self) -> None:
        """Never returns."""
        pause = _FIRST_PAUSE
        while True:
            problems = [problem for ours in self._wanted if (problem := await self._problem(ours))]
            self.problem = "; ".join(problems) or None
            if problems:
                _log.warning("%s", self.problem)
            await asyncio.sleep(pause if problems else _EVERY)
            pause = min(2 * pause, _LONGEST_PAUSE) if problems else _FIRST_PAUSE

    async def served(self) -> None:
        """Returns once the API serves all of our kinds, also where it is not our CRDs that it serves."""
        for ours in self._wanted:
            while not await self._is_served(ours["spec"]):  # noqa: ASYNC110  # what is waited for is in the API
                await asyncio.sleep(_LOOK_AGAIN)

    async def keep(self, ours: Body) -> None:
        """Once for one CRD. Raises NetattachError."""
        name = ours["metadata"]["name"]
        live = await self._live(name)
        action, reason = crds.decide(ours, live)
        if live and action is Action.LEAVE:
            await self._leave(live, reason)
        elif action is not Action.KEEP and self._may_apply(name):
            _log.info("CRD %s is applied: %s", name, reason)
            after = await self._api.apply(CRDS, ours, name, manager=MANAGER)
            if action is Action.ADOPT:
                await self._tell_adoption(after, reason)
            self._applied[name] = time.monotonic()
            self._metrics.crds.labels(name).inc()
        await self._established(name)

    def _may_apply(self, name: str) -> bool:
        """Once in an interval: whoever applies another one again and again is not fought."""
        return time.monotonic() - self._applied.get(name, -_EVERY) >= _EVERY

    async def _problem(self, ours: Body) -> str:
        try:
            await self.keep(ours)
        except NetattachError as error:
            return f"CRD {ours['metadata']['name']} is not as it should be: {error}"
        return ""

    async def _live(self, name: str) -> Body | None:
        try:
            return await self._api.get(CRDS, name)
        except NotFoundError:
            return None

    async def _established(self, name: str) -> None:
        why = "the API server does not answer"
        try:
            async with asyncio.timeout(_ESTABLISHED_WITHIN):
                while True:
                    done, why = crds.is_established(await self._api.get(CRDS, name))
                    if done:
                        return
                    await asyncio.sleep(_LOOK_AGAIN)
        except TimeoutError as error:
            raise TryAgainError(why) from error

    async def _is_served(self, spec: dict[str, Any]) -> bool:
        """The API lists a group some time after a CRD is established; kopf looks there, and only once."""
        group, plural = spec["group"], spec["names"]["plural"]
        version = spec["versions"][0]["name"]
        try:
            versions = await self._api.get(_Discovery(group, "", "", "APIGroup"), "")
            if version not in {known["version"] for known in versions.get("versions") or ()}:
                return False
            kinds = await self._api.get(_Discovery(group, version, "", "APIResourceList"), "")
        except NetattachError:
            return False
        return plural in {known["name"] for known in kinds.get("resources") or ()}

    async def _leave(self, live: Body, reason: str) -> None:
        name = live["metadata"]["name"]
        if self._left.get(name) != reason:
            self._left[name] = reason
            await self._tell(
                live, events.WARNING, "NotAdopted", f"netattach leaves this CRD as it is: {reason}"
            )

    async def _tell_adoption(self, live: Body, reason: str) -> None:
        if live["metadata"]["name"] in self._applied:
            again = (
                f"somebody had applied another CRD ({reason}); this is netattach's again. All objects stay"
            )
            await self._tell(live, events.WARNING, "AppliedAgain", again)
        else:
            adopted = f"netattach has taken over this CRD ({reason}). All objects stay"
            await self._tell(live, events.NORMAL, "Adopted", adopted)

    async def _tell(self, live: Body, kind: str, reason: str, message: str) -> None:
        """In the log and on the CRD."""
        metadata = live["metadata"]
        _log.warning("CRD %s: %s", metadata["name"], message)
        subject = Subject(CRDS, metadata["name"], uid=metadata.get("uid", ""))
        try:
            await events.post(
                self._api, subject, kind=kind, reason=reason, message=message, source={"component": MANAGER}
            )
        except NetattachError as error:
            _log.info("the event on CRD %s is not written: %s", metadata["name"], error)
