"""The cluster's settings, from a mounted file; read again when it changes, the last valid ones kept."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from netattach_core.errors import ConfigError
from netattach_kube import cluster_settings, logs
from netattach_kube.cluster_settings import ClusterSettings

_log = logging.getLogger(__name__)

_EVERY = 2.0
"""Seconds between two looks."""


class SettingsFile:
    """`current` is in force, `absent` without a file; `problem` is why the file is not, None where it is.

    Where the file is broken from the start, the defaults are in force: their policy is `baseline`.
    """

    def __init__(self, path: Path, absent: ClusterSettings | None = None) -> None:
        self._path = path
        self._absent = absent or ClusterSettings()
        self._text: str | None = None
        self._looked = False
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
            text: str | None = self._path.read_text()
        except FileNotFoundError:
            text = None
        except (OSError, UnicodeDecodeError) as error:
            self._keep(f"{self._path} cannot be read: {error}")
            return
        if self._looked and text == self._text:
            return
        self._looked, self._text = True, text
        try:
            self.current = self._absent if text is None else cluster_settings.parse(text)
            self.problem = None
        except ConfigError as error:
            self._keep(error.message)
        else:
            logs.set_level(self.current.log_level)
            _log.info("settings: %s", self.current)

    def _keep(self, problem: str) -> None:
        if problem != self.problem:
            _log.error("the settings are kept unchanged: %s", problem)
        self.problem = problem
