"""Objects that are NADs, or of which an operator makes NADs: the NAD, and where in the object each part of its config is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netattach_cli.lint import nad_objects, openshift_networks, sriov_networks
from netattach_cli.lint.object_values import group_of, text_at, value_at
from netattach_cli.lint.rendered_config import Part
from netattach_core.text.finding import Path

_CONFIG: Path = ("spec", "config")
MAX_NAME = 300
"""Characters of a name that are kept; the API server accepts 253."""

_NAME: Path = ("metadata", "name")


@dataclass(frozen=True, slots=True)
class NetworkSource:
    """A NAD as the API server gets it, and the parts of its config; `name_path` is where the object has its name."""

    body: Mapping[str, Any]
    is_nad: bool = True
    parts: tuple[Part, ...] = ()
    name_path: Path = _NAME

    @property
    def namespace(self) -> str:
        return str(value_at(self.body, ("metadata", "namespace")) or "")[:MAX_NAME]

    @property
    def name(self) -> str:
        name = value_at(self.body, _NAME) or value_at(self.body, ("metadata", "generateName"))
        return str(name or "")[:MAX_NAME]

    @property
    def config(self) -> str:
        """The text of its config; "" for none."""
        return text_at(self.body, *_CONFIG)

    def place(self, path: Path, offset: int | None) -> tuple[Path, int | None]:
        """The path in the object of a place in the config, and the offset in the string there, if it is one of the author."""
        if self.is_nad:
            return _CONFIG, offset
        part = self._part_at(offset) if offset is not None else self._part_of(path)
        if part is None:
            return self.parts[0].path[:1], None
        return part.path, offset - part.start if offset is not None and part.verbatim else None

    def _part_at(self, offset: int) -> Part | None:
        return next((part for part in reversed(self.parts) if part.start <= offset <= part.end), None)

    def _part_of(self, path: Path) -> Part | None:
        """The part that has a key of the config; None for a key that the operator writes."""
        keys = set(path)
        return next((part for part in self.parts if part.key in keys or not part.key), None)


def sources(body: Mapping[str, Any]) -> list[NetworkSource]:
    """The networks that an object is or defines; none for other objects."""
    kind = str(body.get("kind") or "")
    if nad_objects.is_nad(kind) or nad_objects.is_nad_without_kind(body):
        return [NetworkSource(body)]
    render = _RENDERERS.get((group_of(body), kind))
    return (
        [NetworkSource(each.body, False, each.parts, each.name_path) for each in render(body)]
        if render
        else []
    )


_RENDERERS = {**sriov_networks.RENDERERS, **openshift_networks.RENDERERS}
