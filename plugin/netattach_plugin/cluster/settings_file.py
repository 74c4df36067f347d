"""The cluster's settings as they stand in a mounted file; read again when it changes, the last good ones kept."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from netattach_core.errors import ConfigError
from netattach_kube import cluster_settings
from netattach_kube.cluster_settings import ClusterSettings

_log = logging.getLogger(__name__)

_EVERY = 2.0


class SettingsFile:
    """`current` is in force; without a file all is as by default."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text: str | None = None
        self.current = ClusterSettings()
        self.problem: str | None = None
        self.look()

    async def run(self) -> None:
        """Never returns."""
        while True:
            await asyncio.sleep(_EVERY)
            self.look()

    def look(self) -> None:
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError) as error:
            self._stay(f"{self._path} cannot be read: {error}")
            return
        if text == self._text:
            return
        self._text = text
        try:
            self.current, self.problem = cluster_settings.parse(text), None
        except ConfigError as error:
            self._stay(error.message)
        else:
            _log.info("settings: %s", self.current)

    def _stay(self, problem: str) -> None:
        if problem != self.problem:
            _log.error("the settings stay as they are: %s", problem)
        self.problem = problem
