"""The pod of a CNI call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_DIGEST = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class PodRef:
    """The pod as the runtime names it; `uid` is empty where the runtime does not pass it."""

    namespace: str
    name: str
    uid: str = ""

    @property
    def is_static(self) -> bool:
        """Whether it is a static pod: its UID is a digest from the kubelet instead of a UUID from the API server.

        The kubelet creates its mirror pod once it reaches the API server, perhaps after the CNI call.
        """
        return bool(_DIGEST.fullmatch(self.uid))

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Pod:
    """The parts of a pod object that the daemon needs."""

    ref: PodRef
    annotations: Mapping[str, str]
