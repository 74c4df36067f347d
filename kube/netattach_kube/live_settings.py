"""The cluster's settings as they stand in the API: the one ConfigMap watched, the last good text kept.

For the programs that cannot work without the API anyway; the daemon reads a mounted file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from netattach_core.api.objects import Key
from netattach_core.errors import ConfigError
from netattach_kube import cluster_settings
from netattach_kube.api import Api
from netattach_kube.cluster_settings import ClusterSettings
from netattach_kube.resource import CONFIG_MAPS
from netattach_kube.watched import Watched

_log = logging.getLogger(__name__)

Check = Callable[[ClusterSettings], Iterable[str]]
"""What is wrong with settings, beyond what their reader says."""


class LiveSettings:
    """`current` is in force: the defaults, until there is an object, and after it is gone. `changed` is called after a change."""

    def __init__(
        self, api: Api, check: Check = lambda _: (), changed: Callable[[], None] = lambda: None
    ) -> None:
        self.current = ClusterSettings()
        self.problem: str | None = None
        self._check = check
        self._tell = changed
        self._objects: Watched[Any] = Watched(
            api,
            CONFIG_MAPS,
            lambda body: body.get("data") or {},
            namespace=cluster_settings.NAMESPACE,
            fields=f"metadata.name={cluster_settings.NAME}",
            changed=self._changed,
        )

    @property
    def synced(self) -> asyncio.Event:
        return self._objects.synced

    async def run(self) -> None:
        """Never returns."""
        await self._objects.run()

    def _changed(self, key: Key) -> None:
        data = self._objects.get(*key)
        try:
            read = cluster_settings.from_config_map({"data": data})
            problems = list(self._check(read))
        except (ConfigError, RecursionError) as error:
            read, problems = self.current, [str(error)]
        self.problem = "; ".join(problems) or None
        if self.problem:
            _log.error("the settings stay as they are: %s", self.problem)
        elif read != self.current:
            self.current = read
            _log.info("settings: %s", read)
            self._tell()
