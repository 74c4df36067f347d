"""What is known of the cluster: NADs, what nodes have, which pods use what. A change says which keys to look at again."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from netattach_core.api import inventory
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.objects import Body, Key
from netattach_core.errors import NetattachError
from netattach_core.validation import settings as validation_settings
from netattach_core.validation.settings import ValidationSettings
from netattach_kube.pods_by_nad import PodsByNad
from netattach_operator.keys import Keys

T = TypeVar("T")

_log = logging.getLogger(__name__)

_INVENTORIES_SETTLE = 2.0
_PODS_SETTLE = 1.0
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Objects(Generic[T]):
    """The newest of each object of a kind, as two tell it that do not wait for each other: a watch, and a list now and then.

    The resource version says who is right; that of a deleted object is remembered until a list is newer.
    """

    def __init__(self, read: Callable[[Body], T], changed: Callable[[Key], None]) -> None:
        self._read = read
        self._changed = changed
        self._known: dict[Key, tuple[int, T | None]] = {}

    def get(self, key: Key) -> T | None:
        return self._known.get(key, (0, None))[1]

    def __iter__(self) -> Iterator[Key]:
        return iter([key for key, (_, kept) in self._known.items() if kept is not None])

    def take(self, body: Body) -> None:
        self._put(_key(body), _version(body), self._kept(body))

    def drop(self, body: Body) -> None:
        """It is gone; `body` is its last state."""
        self._put(_key(body), _version(body), None)

    def settle(self, listed: set[Key], version: int) -> None:
        """A list of this version had these keys and no others: what is older and not among them is gone unnoticed."""
        for key, (known, kept) in list(self._known.items()):
            if key not in listed and known <= version:
                del self._known[key]
                if kept is not None:
                    self._changed(key)

    def _put(self, key: Key, version: int, kept: T | None) -> None:
        known, before = self._known.get(key, (-1, None))
        if version < known:
            return
        self._known[key] = version, kept
        if kept != before:
            self._changed(key)

    def _kept(self, body: Body) -> T | None:
        try:
            return self._read(body)
        except NetattachError as error:
            _log.warning("%s %s is passed over: %s", body.get("kind", "object"), "/".join(_key(body)), error)
            return None


class View:
    """Everything, for one reader. Until `pods_known`, the count of pods is not one."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self.nads: Objects[Body] = Objects(_nad, keys.add)
        self.inventories: Objects[NodeInventory] = Objects(_inventory, self._inventory_changed)
        self.pods = PodsByNad()
        self.pods_known = False
        self.nodes_version = 0
        self._settings = validation_settings.DEFAULTS
        self._nodes: tuple[NodeInventory, ...] | None = None

    @property
    def nodes(self) -> tuple[NodeInventory, ...] | None:
        """By name, so that the validator says the same of the same; None where nothing is known of any."""
        if self._nodes is None:
            names = sorted(self.inventories)
            self._nodes = tuple(filter(None, map(self.inventories.get, names)))
        return self._nodes or None

    @property
    def settings(self) -> ValidationSettings:
        """How to validate."""
        return self._settings

    def put_settings(self, settings: ValidationSettings) -> None:
        if settings != self._settings:
            self._settings = settings
            self._all_nads(0)

    def put_pod(self, pod: Key, networks: str) -> None:
        """The pod asks for these networks now; "" where it is gone."""
        for nad in self.pods.put(pod, networks):
            self._keys.add(nad, _PODS_SETTLE)

    def count_pods(self) -> None:
        """From now on all pods are known."""
        self.pods_known = True
        self._all_nads(0)

    def _inventory_changed(self, _: Key) -> None:
        self._nodes = None
        self.nodes_version += 1
        self._all_nads(_INVENTORIES_SETTLE)

    def _all_nads(self, after: float) -> None:
        for nad in self.nads:
            self._keys.add(nad, after)


def _key(body: Mapping[str, Any]) -> Key:
    return body["metadata"].get("namespace") or "", body["metadata"]["name"]


def _version(body: Mapping[str, Any]) -> int:
    return int(body["metadata"]["resourceVersion"])


def _nad(body: Body) -> Body:
    """What is needed of it; the rest is most of its size."""
    metadata = body["metadata"]
    wanted = ("namespace", "name", "uid", "generation", "resourceVersion", "deletionTimestamp")
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != _LAST_APPLIED}
    kept = {key: metadata[key] for key in wanted if key in metadata}
    return {
        "metadata": {**kept, "annotations": annotations},
        "spec": body.get("spec") or {},
        "status": body.get("status") or {},
    }


def _inventory(body: Body) -> NodeInventory:
    """Without what the validator does not read, so that a change of that is none."""
    read = inventory.from_dict({**(body.get("status") or {}), "node": body["metadata"]["name"]})
    return dataclasses.replace(
        read,
        interfaces=tuple(
            dataclasses.replace(one, mac="", addresses=one.addresses[:1] and ("some",))
            for one in read.interfaces
        ),
    )
