"""A finding as one line of text, in the same words wherever it is reported."""

from __future__ import annotations

import re

from netattach_core.text import json_document
from netattach_core.text.finding import Finding, path_text

MAX_LENGTH = 1000
"""Characters of one finding; more is not readable on a terminal."""

_MAX_SANITIZED = 10_000
"""Characters of a line that are sanitized before it is cut: an annotation that it quotes may have 256 KiB."""


def line(finding: Finding, text: str = "") -> str:
    """Rule, place, problem and fix on one line, however long; `text` is the text of the finding's offset."""
    return sanitize(f"[{finding.rule.id}] {place(finding, text)}: {finding.problem}. Fix: {finding.fix}")


def place(finding: Finding, text: str = "") -> str:
    """The path, and line and column where the finding has an offset in the text."""
    if finding.offset is None:
        return path_text(finding.path)
    number, column = json_document.position(text, finding.offset)
    return f"{path_text(finding.path)} (line {number}, column {column})"


def cut(text: str, limit: int = MAX_LENGTH) -> str:
    """Cuts at the end of a word, if there is one in the second half."""
    if len(text) <= limit:
        return text
    short = text[: limit - 1]
    return (short.rsplit(" ", 1)[0] if " " in short[limit // 2 :] else short) + "…"


def sanitize(text: str) -> str:
    """One line without control characters: messages quote texts of any user."""
    if len(text) > _MAX_SANITIZED:
        text = f"{text[:_MAX_SANITIZED]}…"
    if text.isprintable() and "  " not in text:  # the common case, and fast
        return text
    text = re.sub(r"\s+", " ", text)
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
