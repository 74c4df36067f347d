"""The informer for most kinds: lists in pages, then watches, and lists again where it cannot resume the watch.

Lost watches, expired versions (410), overload (429), silence and an unreachable API server are all handled in one way: a pause,
then another try. The copy stays as it was meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import aclosing
from typing import TypeVar

from netattach_core.api.objects import Body, Key
from netattach_core.errors import NetattachError, NotFoundError, TryAgainError
from netattach_kube.api import Api
from netattach_kube.backoff import Backoff
from netattach_kube.failures import ExpiredError, ForbiddenError, from_status
from netattach_kube.informer import Informer, key_of
from netattach_kube.resource import Resource

T = TypeVar("T")

_log = logging.getLogger(__name__)

_PAGE = 500
_SILENCE = 90.0
"""Seconds without an event or bookmark, after which a new watch is started: a dead connection is silent too."""

_WATCH_SECONDS = (240, 480)
"""The server ends a watch after this long; a random value for each watch, so that not all are restarted at once."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0


class Watched(Informer[T]):
    """See `Informer`; `fields` is a field selector, `metadata_only` omits spec and status.

    With `pause`, the copy is so many seconds behind, and costs less: for objects that change often.
    """

    def __init__(  # noqa: PLR0913  # one difference each
        self,
        api: Api,
        resource: Resource,
        read: Callable[[Body], T | None],
        *,
        namespace: str = "",
        fields: str = "",
        metadata_only: bool = False,
        pause: float = 0.0,
        changed: Callable[[Key], None] = lambda _: None,
    ) -> None:
        super().__init__(resource, read, changed)
        self._api = api
        self._namespace = namespace
        self._selection = {"fieldSelector": fields} if fields else {}
        self._metadata_only = metadata_only
        self._pause = pause
        self._version = ""

    async def run(self) -> None:
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, jitter=True)
        while True:
            try:
                await self._follow()
                backoff.reset()
                continue
            except ExpiredError:
                self._version = ""
            except NotFoundError as error:  # the kind itself does not exist (yet)
                self._version = ""
                self._log_failure(error, lasting=backoff.exhausted)
            except NetattachError as error:
                self._log_failure(error, lasting=backoff.exhausted)
            await asyncio.sleep(backoff.next())

    def forget(self) -> None:
        """Drops the copy once `run` has been cancelled; it may run again later."""
        self._version = ""
        self.synced.clear()
        self._replace({})

    async def _follow(self) -> None:
        """Lists where there is no version to watch from, and watches until the server ends it."""
        if not self._version:
            self._version = await self._list()
        await self._watch()

    async def _list(self) -> str:
        """Replaces the whole copy; returns the version to watch from."""
        objects: dict[Key, T] = {}
        version = ""
        query = {"limit": str(_PAGE), **self._selection}
        pages = self._api.pages(self._resource, query, self._namespace, metadata_only=self._metadata_only)
        async with aclosing(pages):
            async for page in pages:
                version = page["metadata"]["resourceVersion"]
                for body in page.get("items") or ():
                    kept = self._kept(body)
                    if kept is not None:
                        objects[key_of(body)] = kept
        self._replace(objects)
        self.synced.set()
        return version

    async def _watch(self) -> None:
        query = {
            **self._selection,
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(random.randint(*_WATCH_SECONDS)),  # noqa: S311  # no secret
        }
        events = self._api.watch(
            self._resource,
            query,
            self._namespace,
            metadata_only=self._metadata_only,
            silence=_SILENCE,
            pause=self._pause,
        )
        async with aclosing(events):  # an error ends the request at once, and not when it is collected
            async for event in events:
                try:
                    self._handle(event["type"], event["object"])
                except (AttributeError, KeyError, TypeError) as error:
                    raise TryAgainError(
                        f"the API server sent an invalid event: {str(event)[:100]}"
                    ) from error

    def _handle(self, kind: str, body: Body) -> None:
        """One event of the watch."""
        if kind == "ERROR":
            raise from_status(int(body.get("code") or 500), str(body.get("message")), "WATCH")
        self._version = body["metadata"]["resourceVersion"]
        if kind != "BOOKMARK":
            self._set(key_of(body), None if kind == "DELETED" else self._kept(body))

    def _log_failure(self, error: NetattachError, *, lasting: bool) -> None:
        """A kind or a role that does not exist yet is usual during an installation, and reported only where that lasts."""
        usual = isinstance(error, NotFoundError | ForbiddenError) and not lasting
        level = logging.DEBUG if usual else logging.WARNING
        _log.log(level, "%s are not watched: %s", self._resource.plural, error)
