"""Tells an uninstall from a restart: watches the daemon's own DaemonSet and its namespace.

An upgrade, the drain of a node and an uninstall all end in SIGTERM. Only an uninstall deletes the DaemonSet or its namespace, and
soon afterwards the permission to read them; therefore both are watched from the start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from netattach_core.api.objects import Key
from netattach_core.errors import NetattachError, NotFoundError
from netattach_kube.api import Api
from netattach_kube.resource import DAEMON_SETS, NAMESPACES, Resource
from netattach_kube.watched import Watched

_log = logging.getLogger(__name__)

_GET_SECONDS = 2.0


class UninstallWatch:
    """State of the DaemonSet and its namespace."""

    def __init__(self, api: Api, namespace: str, daemon_set: str) -> None:
        self._api = api
        self._namespace = namespace
        self._daemon_set = daemon_set
        self._watches = [
            self._watched(DAEMON_SETS, daemon_set, namespace),
            self._watched(NAMESPACES, namespace, ""),
        ]
        self._seen: set[str] = set()
        self._deleted: set[str] = set()

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            for watched in self._watches:
                tasks.create_task(watched.run())

    async def uninstalled(self) -> bool:
        """Whether a stop is an uninstall. False in doubt: a CNI config that remains can be removed, but pods cannot be fixed."""
        if self._deleted:
            return True
        try:
            body = await self._api.get_metadata(
                DAEMON_SETS, self._daemon_set, self._namespace, seconds=_GET_SECONDS
            )
        except NotFoundError:  # if it was never seen, it has another name
            return DAEMON_SETS.kind in self._seen
        except NetattachError as error:
            _log.warning(
                "unknown whether this is an uninstall, so the CNI config of netattach stays: %s", error
            )
            return False
        return not _alive(body)

    def _watched(self, resource: Resource, name: str, namespace: str) -> Watched[bool]:
        def changed(_: Key) -> None:
            if watched.items():  # created again, it may have adopted our pod
                self._seen.add(resource.kind)
                self._deleted.discard(resource.kind)
            else:  # it was seen before
                self._deleted.add(resource.kind)
                _log.info("%s %s is deleted", resource.kind, name)

        watched = Watched(
            self._api,
            resource,
            _alive,
            namespace=namespace,
            fields=f"metadata.name={name}",
            metadata_only=True,
            changed=changed,
        )
        return watched


def _alive(body: Mapping[str, Any]) -> bool | None:
    return None if body["metadata"].get("deletionTimestamp") else True
