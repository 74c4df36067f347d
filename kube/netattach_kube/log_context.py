"""What the log lines of one piece of work have in common: the pod and the container of a CNI call.

It follows the work through tasks and `asyncio.to_thread`, which copy the context; a thread of an executor's own needs `carried`.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

_values: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("log context")
_NOTHING: Mapping[str, str] = {}


def current() -> Mapping[str, str]:
    """The values, in the order in which they were added."""
    return _values.get(_NOTHING)


def add(**values: str) -> None:
    """Until the end of this task, and in the tasks that it starts."""
    _values.set({**current(), **values})


@contextmanager
def replaced(**values: str) -> Iterator[None]:
    """Only these values until the end of the block: work for another pod."""
    token = _values.set(values)
    try:
        yield
    finally:
        _values.reset(token)


def carried(function: Callable[[], T]) -> Callable[[], T]:
    """The function with the values of the caller, for another thread."""
    return functools.partial(contextvars.copy_context().run, function)
