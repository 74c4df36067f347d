"""The log of a program: one handler, for its own messages and those of its libraries.

Libraries are heard from WARNING on: at DEBUG, the client of Kubernetes would log whole objects, Secrets among them.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from netattach_kube import log_formats
from netattach_kube.log_levels import LogLevel
from netattach_kube.settings import Settings

PACKAGES = ("netattach_kube", "netattach_operator", "netattach_plugin", "netattach_webhooks")
"""Those with programs; each module's logger has the module's name."""


class _Log:
    """There is one, as there is one root logger."""

    def __init__(self) -> None:
        self.default_level = LogLevel.INFO


_log = _Log()


@contextmanager
def handled() -> Iterator[logging.StreamHandler[TextIO]]:
    """Writes all messages to standard error until the end of the block: as text and from INFO on, until `configure`."""
    handler = logging.StreamHandler(sys.stderr)
    root = logging.getLogger()
    root.addHandler(handler)
    logging.captureWarnings(capture=True)
    configure(handler, Settings())
    try:
        yield handler
    finally:
        logging.captureWarnings(capture=False)
        root.removeHandler(handler)


def configure(handler: logging.Handler, settings: Settings) -> None:
    """Uses the format and the level of the settings."""
    handler.setFormatter(log_formats.formatter(settings.log_format))
    _log.default_level = LogLevel(settings.log_level)
    set_level(None)


def set_level(level: LogLevel | None) -> None:
    """From now on; None for the level of the program's environment."""
    number = logging.getLevelNamesMapping()[(level or _log.default_level).upper()]
    logging.getLogger().setLevel(max(number, logging.WARNING))
    for package in PACKAGES:
        logging.getLogger(package).setLevel(number)
