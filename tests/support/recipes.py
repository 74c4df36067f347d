"""What native drivers read from configs."""

from __future__ import annotations

from typing import Any

from netattach_core.cni import config as cni_config
from netattach_core.native import drivers
from netattach_core.native.recipe import Recipe, Tuning


def recipe(text: str, **given: Any) -> Recipe | None:
    """That of a network's first plugin; None if its program has to run. `given`: other arguments of the call."""
    call: dict[str, Any] = {"args": {"IgnoreUnknown": "1"}, "runtime_config": {}, "cni_args": {}, **given}
    found = drivers.recipe(cni_config.parse(text, "n"), 0, **call)
    assert not isinstance(found, Tuning)
    return found


def link(text: str, **given: Any) -> Any:
    """The interface that the driver creates."""
    found = recipe(text, **given)
    return found and found.link
