"""Names from a cluster in commands that a user copies into a shell.

A text of an Event is anybody's: it could be a command of its own, or an option. What is no name is not inserted.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
_FULL_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*/[a-z0-9][a-z0-9.-]*")


def name(text: str, placeholder: str) -> str:
    """Of an object, as Kubernetes allows it; `placeholder` for all other texts."""
    return text if _NAME.fullmatch(text) else placeholder


def full_name(text: str, placeholder: str) -> str:
    """The same of namespace/name."""
    return text if _FULL_NAME.fullmatch(text) else placeholder
