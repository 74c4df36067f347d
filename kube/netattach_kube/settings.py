"""The settings that all programs have: the only place of this package that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from netattach_kube import environment as variables
from netattach_kube.log_levels import LogLevel

FORMATS = ("text", "json")


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is set by the variable NETATTACH_ and its name in capitals."""

    log_format: str = "text"
    """The format of the log: `text` or `json`."""

    log_level: str = LogLevel.INFO.value
    """The least severe messages that are logged: `debug`, `info`, `warning` or `error`; `logLevel` in the settings wins."""


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises ValueError, which names the variable."""
    settings = variables.read(Settings, environment)
    _check("NETATTACH_LOG_FORMAT", settings.log_format, FORMATS)
    _check("NETATTACH_LOG_LEVEL", settings.log_level, tuple(LogLevel))
    return settings


def _check(variable: str, text: str, choices: tuple[str, ...]) -> None:
    if text not in choices:
        raise ValueError(f"{variable} is {text!r}; it has to be one of {', '.join(choices)}")
