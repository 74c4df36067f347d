"""The least severe messages that a program logs."""

from __future__ import annotations

import enum


class LogLevel(enum.StrEnum):
    """In the words of the settings."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
