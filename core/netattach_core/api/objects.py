"""Types for Kubernetes objects of any kind: the key of an object, and its JSON body."""

from __future__ import annotations

from typing import Any

Key = tuple[str, str]
"""Namespace ("" for cluster-scoped objects) and name."""

Body = dict[str, Any]
"""An object as the API server returns it."""
