"""Slow work in threads, so that other reviews do not wait; short work at once, since a thread costs as much."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from netattach_core.api.objects import Body

P = ParamSpec("P")
T = TypeVar("T")

_SHORT = 1024
"""Characters that are validated on the event loop: for most of them a thread costs as much, and the slowest take 15 ms."""

_FEW_KEYS = 50


async def run_in(
    threads: ThreadPoolExecutor | None, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Calls the function in a thread; without threads, directly."""
    if threads is None:
        return function(*args, **kwargs)
    work = functools.partial(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(threads, work)


def if_long(text: str, threads: ThreadPoolExecutor) -> ThreadPoolExecutor | None:
    """The threads for a text that takes long to validate."""
    return threads if len(text) > _SHORT else None


def has_many_keys(body: Body) -> bool:
    """Whether an object has more labels and annotations than are looked at in a moment."""
    metadata = body.get("metadata")
    maps = [metadata.get(part) for part in ("labels", "annotations")] if isinstance(metadata, dict) else []
    return sum(len(each) for each in maps if isinstance(each, dict)) > _FEW_KEYS


def network_annotations(pod: Body) -> str:
    """The annotations with network selections, joined; those that are not strings count as empty."""
    annotations = _annotations(pod)
    texts = [annotations.get(key) for key in (NETWORKS, DEFAULT_NETWORK)]
    return "".join(text for text in texts if isinstance(text, str))


def validated_annotations(pod: Body) -> str:
    """What is validated of a pod's annotations, joined: the keys of all, as any may be misspelt, and network selections."""
    return "".join(_annotations(pod)) + network_annotations(pod)


def _annotations(pod: Body) -> dict[str, Any]:
    metadata = pod.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return annotations if isinstance(annotations, dict) else {}
