"""What is waited for, on a terminal: a line on standard error that goes away again."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from netattach_core.text.lists import and_more

_AFTER = 1.0
_EVERY = 0.2
_SHOWN = 3
_CLEAR = "\r\x1b[K"


@contextmanager
def shown(waiting: Callable[[], list[str]], stream: TextIO | None = None) -> Iterator[None]:
    """Shows what is waited for once that takes more than a second; nothing where the stream is no terminal."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_show, args=(waiting, stream, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _show(waiting: Callable[[], list[str]], stream: TextIO, ended: threading.Event) -> None:
    began = time.monotonic()
    if ended.wait(_AFTER):
        return
    while not ended.wait(_EVERY):
        what = and_more(dict.fromkeys(waiting()), _SHOWN) or "the cluster"
        stream.write(f"{_CLEAR}reading {what} … {time.monotonic() - began:.0f} s")
        stream.flush()
    stream.write(_CLEAR)
    stream.flush()
