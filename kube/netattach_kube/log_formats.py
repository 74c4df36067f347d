r"""The two formats of log lines, with the same parts: time, level, logger, message, context.

Names of networks, errors of plugins and answers of servers are other people's text. A message is one line whatever it contains:

    2026-11-30T13:47:03.123Z INFO netattach_plugin.calls.server "ADD took 12.3 ms" command=ADD container=0123 pod=default/web
    {"time": "2026-11-30T13:47:03.123Z", "level": "INFO", "logger": "…", "message": "ADD took 12.3 ms", "command": "ADD", …}

As text, a traceback follows the line of its message, indented, so that none of its lines looks like a message.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from netattach_kube import log_context

_TOKEN = re.compile(r"(?<![\w-])eyJ[\w-]++\.[\w-]++\.[\w-]++")
"""A JSON Web Token, such as those of service accounts."""

LONGEST = 10_000
"""Characters of a message or a traceback: a plugin may print 1 MiB, and the runtime tries again and again."""

_INDENT = "\n    "
_PLAIN = re.compile(r"[^\s\"'=\\]+")
_DATE, _MILLISECONDS = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"
"""RFC 3339 in UTC, for `Formatter.formatTime`."""


def formatter(log_format: str) -> logging.Formatter:
    """That of the format `text` or `json`."""
    made = _json() if log_format == "json" else _TextFormatter()
    made.converter = time.gmtime
    made.default_time_format, made.default_msec_format = _DATE, _MILLISECONDS
    return made


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        context = "".join(f" {key}={_value(value)}" for key, value in log_context.current().items())
        message = _quoted(_bounded(record.getMessage()))
        line = f"{self.formatTime(record)} {record.levelname} {record.name} {message}{context}"
        return _INDENT.join([line, *self._traceback(record)])

    def _traceback(self, record: logging.LogRecord) -> list[str]:
        text = self.formatException(record.exc_info) if record.exc_info else ""
        return [_escaped(line) for line in _bounded(text).split("\n")] if text else []


def _json() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415  # not needed for text

    class ContextFormatter(JsonFormatter):
        def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
            texts = {key: _bounded(str(value)) for key, value in log_data.items()}
            return {**texts, **log_context.current()}

    names = {"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "traceback"}
    return ContextFormatter(["asctime", "levelname", "name", "message"], rename_fields=names)


def _bounded(text: str) -> str:
    """Without tokens, and not longer than `LONGEST`."""
    text = _TOKEN.sub("[token]", text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST} more characters)"


def _value(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text.isprintable() else _quoted(text)


def _quoted(text: str) -> str:
    return '"' + _escaped(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _escaped(text: str) -> str:
    """Without line breaks, escape sequences of terminals, and characters that change the direction of what follows."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
