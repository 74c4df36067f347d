"""The cluster settings, watched: the ConfigMap's last valid text is in force.

For programs that need the API anyway; the daemon reads a mounted file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from netattach_core.api.objects import Key
from netattach_core.errors import ConfigError
from netattach_kube import cluster_settings, logs
from netattach_kube.api import Api
from netattach_kube.cluster_settings import ClusterSettings
from netattach_kube.resource import CONFIG_MAPS
from netattach_kube.watched import Watched

_log = logging.getLogger(__name__)

Check = Callable[[ClusterSettings], Iterable[str]]
"""The problems of settings that their parser does not find."""


class LiveSettings:
    """`current` is in force: the defaults where there is no ConfigMap. `changed` is called after each change.

    `problem` is why the ConfigMap's text is not in force, None where it is.
    """

    def __init__(
        self, api: Api, check: Check = lambda _: (), changed: Callable[[], None] = lambda: None
    ) -> None:
        self.current = ClusterSettings()
        self.problem: str | None = None
        self._check = check
        self._notify = changed
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
            settings = cluster_settings.from_config_map({"data": data})
            problems = list(self._check(settings))
        except (ConfigError, RecursionError) as error:
            settings, problems = self.current, [str(error)]
        self.problem = "; ".join(problems) or None
        if self.problem:
            _log.error("the settings are not changed: %s", self.problem)
        elif settings != self.current:
            self.current = settings
            logs.set_level(settings.log_level)
            _log.info("settings: %s", settings)
            self._notify()
