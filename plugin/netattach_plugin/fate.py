"""Whether we are being uninstalled, or only stopped for a while.

An upgrade, a drained node and an uninstallation all end in the same SIGTERM. Only in the last case our DaemonSet, or its
namespace, is deleted; and what deletes them soon deletes our permission to ask. So both are watched from the start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from netattach_core.errors import NetattachError, NotFoundError
from netattach_kube.api import Api
from netattach_kube.resource import DAEMON_SETS, NAMESPACES
from netattach_kube.watched import Watched

_log = logging.getLogger(__name__)

_ASK_SECONDS = 2.0


class Fate:
    """What is known of our own DaemonSet and its namespace."""

    def __init__(self, api: Api, namespace: str, daemon_set: str) -> None:
        self._api = api
        self._namespace = namespace
        self._daemon_set = daemon_set
        self._watches = [
            Watched(
                api,
                DAEMON_SETS,
                _alive,
                namespace=namespace,
                fields=f"metadata.name={daemon_set}",
                metadata_only=True,
                changed=lambda _: self._look(),
            ),
            Watched(
                api,
                NAMESPACES,
                _alive,
                fields=f"metadata.name={namespace}",
                metadata_only=True,
                changed=lambda _: self._look(),
            ),
        ]
        self._uninstalled = False

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for watched in self._watches:
                tasks.create_task(watched.run())

    async def uninstalled(self) -> bool:
        """Asked when we are told to stop. What cannot be told is no: a conf that stays can be removed, pods cannot be mended."""
        if self._uninstalled:
            return True
        try:
            body = await self._api.get_metadata(
                DAEMON_SETS, self._daemon_set, self._namespace, seconds=_ASK_SECONDS
            )
        except NotFoundError:
            return True
        except NetattachError as error:
            _log.warning("whether this is an uninstallation cannot be told, so our conf stays: %s", error)
            return False
        return not _alive(body)

    def _look(self) -> None:
        """Called on a change: what was alive and is not any more is being deleted."""
        if any(watched.synced.is_set() and not watched.items() for watched in self._watches):
            self._uninstalled = True
            _log.info("our DaemonSet or its namespace is deleted")


def _alive(body: Mapping[str, Any]) -> bool | None:
    return None if body["metadata"].get("deletionTimestamp") else True
