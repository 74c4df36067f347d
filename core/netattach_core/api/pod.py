"""The pod that a call is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_DIGEST = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class PodRef:
    """The pod as the runtime names it; `uid` is empty where the runtime does not say."""

    namespace: str
    name: str
    uid: str = ""

    @property
    def is_static(self) -> bool:
        """Whether a file of the node makes it: the kubelet takes a digest for its UID, where the API server draws a UUID.

        Its picture in the API, the mirror pod, comes when the API can be reached, and may have to be waited for.
        """
        return bool(_DIGEST.fullmatch(self.uid))

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Pod:
    """What the API says of a pod."""

    ref: PodRef
    annotations: Mapping[str, str]
