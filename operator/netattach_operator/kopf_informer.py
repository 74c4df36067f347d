"""The informer for the kinds that kopf watches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import TypeVar

from netattach_core.api.objects import Body, Key
from netattach_core.errors import NetattachError
from netattach_kube.api import Api
from netattach_kube.backoff import Backoff
from netattach_kube.informer import Informer, key_of
from netattach_kube.resource import Resource
from netattach_operator.kopf_watches import KopfWatches

T = TypeVar("T")

_log = logging.getLogger(__name__)

_EVERY = 600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_PAGE = "200"


class KopfInformer(Informer[T]):
    """See `Informer`. It is fed by kopf, and by a list at the start and every ten minutes.

    The list finds what a watch has lost: kopf has no event for objects that were deleted while its watch was interrupted. Events
    and lists come in any order; the higher resource version wins, and that of a deleted object is kept until a list is newer.
    """

    def __init__(
        self,
        api: Api,
        kopf: KopfWatches,
        resource: Resource,
        read: Callable[[Body], T | None],
        *,
        changed: Callable[[Key], None],
    ) -> None:
        super().__init__(resource, read, changed)
        self._api = api
        self._versions: dict[Key, int] = {}
        kopf.add(resource, self._handle)

    async def run(self) -> None:
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        while True:
            try:
                await self.relist()
            except NetattachError as error:
                _log.warning("%s are not listed: %s", self._resource.plural, error)
                await asyncio.sleep(backoff.next())
            else:
                backoff.reset()
                await asyncio.sleep(_EVERY)

    async def relist(self) -> None:
        """Brings the copy up to date. Raises NetattachError."""
        listed: set[Key] = set()
        version = 0
        pages = self._api.pages(self._resource, {"limit": _PAGE})
        async with aclosing(pages):
            async for page in pages:
                version = version or int(page["metadata"]["resourceVersion"])
                for body in page.get("items") or ():
                    self.put(body)
                    listed.add(key_of(body))
        self._remove_unlisted(listed, version)
        self.synced.set()

    def put(self, body: Body) -> None:
        """A state of an object, as the API server has returned it. It is read once: kopf and the list have the same ones.

        One of the version at which the object was removed is read again: what said that it is gone may have been wrong.
        """
        if _version(body) > self._known_version(body) or key_of(body) not in self.items():
            self._update(body, self._kept(body))

    def remove(self, body: Body) -> None:
        """The object has been deleted; `body` is its last state."""
        self._update(body, None)

    def _handle(self, body: Body, deleted: bool) -> None:  # noqa: FBT001  # the signature of kopf's handlers
        if deleted:
            self.remove(body)
        else:
            self.put(body)

    def _update(self, body: Body, kept: T | None) -> None:
        if _version(body) >= self._known_version(body):
            self._versions[key_of(body)] = _version(body)
            self._set(key_of(body), kept)

    def _known_version(self, body: Body) -> int:
        return self._versions.get(key_of(body), -1)

    def _remove_unlisted(self, listed: set[Key], version: int) -> None:
        """Removes what a list of this version does not have, unless it is newer than the list."""
        for key, known in list(self._versions.items()):
            if key not in listed and known <= version:
                del self._versions[key]
                self._set(key, None)


def _version(body: Body) -> int:
    return int(body["metadata"]["resourceVersion"])
