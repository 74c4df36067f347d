"""A live copy of some of the API's objects: listed in pages, then watched, and listed again where the thread is lost.

Lost watches, expired versions (410), overload (429), silence and an API server that is away all end in the same place: a pause,
then another try; what was known stays known meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from netattach_core.api.objects import Key
from netattach_core.errors import NetattachError, NotFoundError, TryAgainError
from netattach_kube.api import Api
from netattach_kube.failures import ExpiredError, ForbiddenError, from_status
from netattach_kube.resource import Resource

T = TypeVar("T")

_log = logging.getLogger(__name__)

_PAGE = 500
_SILENCE = 90.0
"""Seconds without a word, after which the watch is begun anew: a connection that is dead says nothing either."""

_WATCH_SECONDS = (240, 480)
"""The server ends a watch after this long; different ones for each, so that not all come back at once."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0


class Watched(Generic[T]):
    """The objects that `read` keeps, under their keys.

    `read` turns an object into what is kept, None for what is not; it may raise NetattachError, and the object is passed over
    then. `changed` is called after each change, with the key.
    """

    def __init__(
        self,
        api: Api,
        resource: Resource,
        read: Callable[[dict[str, Any]], T | None],
        *,
        namespace: str = "",
        fields: str = "",
        metadata_only: bool = False,
        changed: Callable[[Key], None] = lambda _: None,
    ) -> None:
        self._api = api
        self._resource = resource
        self._read = read
        self._namespace = namespace
        self._selection = {"fieldSelector": fields} if fields else {}
        self._metadata_only = metadata_only
        self._changed = changed
        self._objects: dict[Key, T] = {}
        self._version = ""
        self.synced = asyncio.Event()
        self.heard = time.monotonic()
        """When the API server last said something of these objects."""

    def get(self, namespace: str, name: str) -> T | None:
        return self._objects.get((namespace, name))

    def items(self) -> Mapping[Key, T]:
        return self._objects

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._objects.values()))

    async def run(self) -> None:
        """Never returns."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._follow()
                pause = _FIRST_PAUSE
                continue
            except ExpiredError:
                self._version = ""
            except NotFoundError as error:  # the kind itself is not there (yet)
                self._version = ""
                self._tell(error, pause)
            except NetattachError as error:
                self._tell(error, pause)
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  # no secret
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _follow(self) -> None:
        """Lists where the thread is lost, and watches until the server ends it."""
        if not self._version:
            self._version = await self._list()
        await self._watch()

    async def _list(self) -> str:
        """Replaces all that is known by what the server has; the version to watch from."""
        found: dict[Key, T] = {}
        query = {"limit": str(_PAGE), **self._selection}
        while True:
            page = await self._api.page(
                self._resource, query, self._namespace, metadata_only=self._metadata_only
            )
            self.heard = time.monotonic()
            for body in page.get("items") or ():
                kept = self._kept(body)
                if kept is not None:
                    found[_key(body)] = kept
            if not page["metadata"].get("continue"):
                break
            query["continue"] = page["metadata"]["continue"]
        self._replace(found)
        self.synced.set()
        version: str = page["metadata"]["resourceVersion"]
        return version

    def _replace(self, found: dict[Key, T]) -> None:
        before, self._objects = self._objects, found
        for key in before.keys() | found.keys():
            if before.get(key) != found.get(key):
                self._changed(key)

    async def _watch(self) -> None:
        query = {
            **self._selection,
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(random.randint(*_WATCH_SECONDS)),  # noqa: S311  # no secret
        }
        events = self._api.watch(
            self._resource, query, self._namespace, metadata_only=self._metadata_only, silence=_SILENCE
        )
        async for event in events:
            self.heard = time.monotonic()
            try:
                self._hear(event["type"], event["object"])
            except (AttributeError, KeyError, TypeError) as error:
                raise TryAgainError(f"the API server sends what is no event: {str(event)[:100]}") from error

    def _hear(self, kind: str, body: dict[str, Any]) -> None:
        if kind == "ERROR":
            raise from_status(int(body.get("code") or 500), str(body.get("message")), "WATCH")
        self._version = body["metadata"]["resourceVersion"]
        if kind != "BOOKMARK":
            self._take(body, deleted=kind == "DELETED")

    def _take(self, body: dict[str, Any], *, deleted: bool) -> None:
        key = _key(body)
        before = self._objects.get(key)
        kept = None if deleted else self._kept(body)
        if kept is None:
            self._objects.pop(key, None)
        else:
            self._objects[key] = kept
        if kept != before:
            self._changed(key)

    def _kept(self, body: dict[str, Any]) -> T | None:
        try:
            return self._read(body)
        except NetattachError as error:
            _log.warning("%s %s is passed over: %s", self._resource.kind, "/".join(_key(body)), error)
        except Exception:  # noqa: BLE001  # one odd object must not keep the others from being known
            _log.exception("%s %s is passed over", self._resource.kind, "/".join(_key(body)))
        return None

    def _tell(self, error: NetattachError, pause: float) -> None:
        """What is usual while we are being installed (a CRD or a role that comes later) is told once it lasts."""
        usual = isinstance(error, NotFoundError | ForbiddenError) and pause < _LONGEST_PAUSE
        _log.log(
            logging.DEBUG if usual else logging.WARNING,
            "%s are not watched: %s",
            self._resource.plural,
            error,
        )


def _key(body: Mapping[str, Any]) -> Key:
    metadata = body["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
