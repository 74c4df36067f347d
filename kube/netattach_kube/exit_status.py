"""Exit statuses of all programs; a module of its own, since a program that only copies a file needs no event loop."""

from __future__ import annotations

OK, FAILED, MISUSED = 0, 1, 2
"""Stopped by a signal, or done; internal error; settings that cannot be read, or no cluster to connect to."""
