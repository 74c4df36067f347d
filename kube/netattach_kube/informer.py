"""A live copy of the API's objects of one kind: what informers have in common, wherever their events come from."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from netattach_core.api.objects import Body, Key
from netattach_core.errors import NetattachError
from netattach_kube.resource import Resource

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Informer(ABC, Generic[T]):
    """The objects of one kind, as `read` returns them, under their keys.

    `read` returns what to keep of an object, None to keep nothing; where it raises, the object is skipped. `changed` is called
    with the key after each change of what is kept. `synced` is set once all objects have been listed.
    """

    def __init__(
        self, resource: Resource, read: Callable[[Body], T | None], changed: Callable[[Key], None]
    ) -> None:
        self.synced = asyncio.Event()
        self._resource = resource
        self._read = read
        self._changed = changed
        self._objects: dict[Key, T] = {}
        self._sorted: tuple[T, ...] | None = None

    @abstractmethod
    async def run(self) -> None:
        """Keeps the copy up to date. Never returns."""

    def get(self, namespace: str, name: str) -> T | None:
        return self._objects.get((namespace, name))

    def items(self) -> Mapping[Key, T]:
        return self._objects

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._objects.values()))

    def sorted(self) -> tuple[T, ...]:
        """The objects in the order of their keys; the same tuple until one of them changes."""
        if self._sorted is None:
            self._sorted = tuple(self._objects[key] for key in sorted(self._objects))
        return self._sorted

    def _set(self, key: Key, kept: T | None) -> None:
        before = self._objects.get(key)
        if kept is None:
            self._objects.pop(key, None)
        else:
            self._objects[key] = kept
        if kept != before:
            self._notify(key)

    def _replace(self, objects: dict[Key, T]) -> None:
        before, self._objects = self._objects, objects
        for key in before.keys() | objects.keys():
            if before.get(key) != objects.get(key):
                self._notify(key)

    def _notify(self, key: Key) -> None:
        self._sorted = None
        self._changed(key)

    def _kept(self, body: Body) -> T | None:
        """What `read` returns; None, with a message in the log, where it raises."""
        try:
            return self._read(body)
        except NetattachError as error:
            _log.warning("%s %s is skipped: %s", self._resource.kind, "/".join(key_of(body)), error)
        except Exception:  # noqa: BLE001  # one invalid object must not hide all others
            _log.exception("%s %s is skipped", self._resource.kind, "/".join(key_of(body)))
        return None


def key_of(body: Mapping[str, Any]) -> Key:
    """Namespace, "" where the kind has none, and name."""
    metadata = body["metadata"]
    return metadata.get("namespace") or "", metadata["name"]
