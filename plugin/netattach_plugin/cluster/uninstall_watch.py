"""Whether we are being uninstalled, or only stopped for a while.

An upgrade, a drained node and an uninstallation all end in the same SIGTERM. Only in the last case our DaemonSet, or its
namespace, is deleted; and what deletes them soon deletes our permission to ask. So both are watched from the start.
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

_ASK_SECONDS = 2.0


class UninstallWatch:
    """What is known of our own DaemonSet and its namespace."""

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
        async with asyncio.TaskGroup() as tasks:
            for watched in self._watches:
                tasks.create_task(watched.run())

    async def uninstalled(self) -> bool:
        """Asked when we are told to stop. What cannot be told is no: a conf that stays can be removed, pods cannot be fixed."""
        if self._deleted:
            return True
        try:
            body = await self._api.get_metadata(
                DAEMON_SETS, self._daemon_set, self._namespace, seconds=_ASK_SECONDS
            )
        except NotFoundError:  # of another name, if it has never been there
            return DAEMON_SETS.kind in self._seen
        except NetattachError as error:
            _log.warning("whether this is an uninstallation cannot be told, so our conf stays: %s", error)
            return False
        return not _alive(body)

    def _watched(self, resource: Resource, name: str, namespace: str) -> Watched[bool]:
        def changed(_: Key) -> None:
            if watched.items():  # where it was made again, it may have taken our pod over
                self._seen.add(resource.kind)
                self._deleted.discard(resource.kind)
            else:  # and a moment ago it was alive
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
