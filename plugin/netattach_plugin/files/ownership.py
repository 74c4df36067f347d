"""Directories that root does not own: without CAP_DAC_OVERRIDE, root cannot write to them."""

from __future__ import annotations

from pathlib import Path


def owner_hint(error: Exception) -> str:
    """The fix to append to the message of a PermissionError; "" where the directory belongs to root.

    Unpacking an archive may leave such a directory.
    """
    if not isinstance(error, PermissionError) or error.filename is None:
        return ""
    directory = Path(error.filename).parent
    try:
        owner = directory.stat().st_uid
    except OSError:
        return ""
    return f"; {directory} belongs to user {owner}: chown it to root" if owner else ""
