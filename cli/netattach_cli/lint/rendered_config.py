"""A CNI config that an operator writes from the parts of another object, and where each part comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.api.nad import API_VERSION, KIND
from netattach_core.text.finding import Path


@dataclass(frozen=True, slots=True)
class Part:
    """`config[start:end]` is the value of a key, from the path in the object; `verbatim`: as it is in a string there."""

    key: str
    start: int
    end: int
    path: Path
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class RenderedNetwork:
    """A NAD as an operator creates it; `name_path` is where the object has its name."""

    body: dict[str, Any]
    parts: tuple[Part, ...]
    name_path: Path = ("metadata", "name")


@dataclass(slots=True)
class RenderedConfig:
    """The text of a config, written from left to right."""

    text: str = ""
    parts: list[Part] = field(default_factory=list)

    def write(self, text: str) -> None:
        """Adds text of the operator itself."""
        self.text += text

    def member(self, key: str, value: Any, path: Path = (), *, last: bool = False) -> None:
        """Adds a member with a value from a path in the object; without a path, one of the operator itself."""
        self._member(key, json.dumps(value), path, verbatim=False)
        self.text += "" if last else ", "

    def member_text(self, key: str, text: str, path: Path, *, last: bool = False) -> None:
        """Adds a member whose value is JSON in a string of the object."""
        self._member(key, text, path, verbatim=True)
        self.text += "" if last else ", "

    def raw(self, key: str, text: str, path: Path) -> None:
        """Adds text from a string of the object."""
        start = len(self.text)
        self.text += text
        self.parts.append(Part(key, start, len(self.text), path, verbatim=True))

    def _member(self, key: str, text: str, path: Path, *, verbatim: bool) -> None:
        self.text += f"{json.dumps(key)}: "
        start = len(self.text)
        self.text += text
        if path:
            self.parts.append(Part(key, start, len(self.text), path, verbatim))


def nad(
    name: Any, namespace: Any, config: str, annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The object that an operator creates."""
    metadata: dict[str, Any] = {"name": name}
    metadata |= {"namespace": namespace} if namespace else {}
    metadata |= {"annotations": annotations} if annotations else {}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": {"config": config}}
