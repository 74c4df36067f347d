"""The pod that a call is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PodRef:
    """The pod as the runtime names it; `uid` is empty where the runtime does not say."""

    namespace: str
    name: str
    uid: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Pod:
    """What the API says of a pod."""

    ref: PodRef
    annotations: Mapping[str, str]
