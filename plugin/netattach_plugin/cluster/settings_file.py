"""The cluster's settings, from a mounted file; read again when it changes, the last valid ones kept."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from netattach_core.errors import ConfigError
from netattach_kube import cluster_settings
from netattach_kube.cluster_settings import ClusterSettings

_log = logging.getLogger(__name__)

_EVERY = 2.0
"""Seconds between two looks."""


class SettingsFile:
    """`current` is in force, the defaults without a file; `problem` is why the file is not, None where it is."""

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
        """Reads the file, and parses it if it has changed."""
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError) as error:
            self._keep(f"{self._path} cannot be read: {error}")
            return
        if text == self._text:
            return
        self._text = text
        try:
            self.current, self.problem = cluster_settings.parse(text), None
        except ConfigError as error:
            self._keep(error.message)
        else:
            _log.info("settings: %s", self.current)

    def _keep(self, problem: str) -> None:
        if problem != self.problem:
            _log.error("the settings are kept unchanged: %s", problem)
        self.problem = problem
