"""Kubernetes objects in general: how one is addressed, and its JSON body."""

from __future__ import annotations

from typing import Any

Key = tuple[str, str]
"""Namespace ("" for cluster-scoped objects) and name."""

Body = dict[str, Any]
"""An object as the API serves it."""
