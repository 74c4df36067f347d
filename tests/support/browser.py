"""A headless Chromium that opens files and answers what they look like.

It is driven by the DevTools protocol (https://chromedevtools.github.io/devtools-protocol) over a pair of pipes: `chromium
--remote-debugging-pipe` reads commands from file descriptor 3 and writes answers and events to 4, each JSON that ends with NUL.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import require

_LIMIT = 120.0
"""Seconds for any answer; far more than a slow machine takes."""

_OPTIONS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",  # it refuses to start as root with it; it opens only files of the tests
    "--disable-gpu",
    "--disable-renderer-backgrounding",  # a page that nobody sees may get no frame, and no picture
    "--disable-backgrounding-occluded-windows",
    "--disable-background-timer-throttling",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
)


@dataclass
class Page:
    """An open page. `requests` are the URLs that it asked for, `messages` what the console shows and dialogs that it opened."""

    _browser: Browser
    _session: str
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    _loaded: set[str] = field(default_factory=set)

    def value(self, expression: str) -> Any:
        """Of a JavaScript expression, as JSON; a promise is awaited. Raises ValueError with the text of an exception."""
        answer = self._command(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise ValueError(json.dumps(answer["exceptionDetails"], indent=1))
        return answer["result"].get("value")

    def picture(self) -> bytes:
        """What is visible, as PNG."""
        self._command("Page.bringToFront")
        return base64.b64decode(self._command("Page.captureScreenshot", format="png")["data"])

    def resize(self, width: int, height: int) -> None:
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def load(self, url: str) -> None:
        """Until all of it is there."""
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._command(f"{domain}.enable")
        self._command("Page.setLifecycleEventsEnabled", enabled=True)
        loader = self._command("Page.navigate", url=url)["loaderId"]
        self._browser.wait(lambda: loader in self._loaded)

    def take(self, event: Mapping[str, Any]) -> None:
        """Of the events of this page."""
        parameters = event["params"]
        match event["method"]:
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Page.lifecycleEvent" if parameters["name"] == "load":
                self._loaded.add(parameters["loaderId"])
            case "Log.entryAdded":
                self.messages.append(parameters["entry"]["text"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Page.javascriptDialogOpening":
                self.messages.append(json.dumps(parameters))

    def _command(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.command(method, self._session, **parameters)


class Browser:
    """One process with any number of pages."""

    def __init__(self, commands: int, messages: int) -> None:
        self._commands, self._messages = commands, messages
        self._last = 0
        self._unread = b""
        self._pages: dict[str, Page] = {}

    def open(self, path: Path, width: int = 1600, height: int = 900) -> Page:
        """The file in a window of this size in pixels."""
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        page.resize(width, height)
        page.load(path.as_uri())
        return page

    def command(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Its result. Raises ValueError with the browser's error."""
        deadline = time.monotonic() + _LIMIT
        self._last += 1
        command = {"id": self._last, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        data = json.dumps(command).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        while (answer := self._read(deadline)).get("id") != self._last:
            self._take(answer)
        if "error" in answer:
            raise ValueError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def wait(self, condition: Callable[[], bool]) -> None:
        """Until an event makes it true."""
        deadline = time.monotonic() + _LIMIT
        while not condition():
            self._take(self._read(deadline))

    def _take(self, event: Mapping[str, Any]) -> None:
        page = self._pages.get(event.get("sessionId", ""))
        if page:
            page.take(event)

    def _read(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            if not select.select([self._messages], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError("no answer from the browser")
            read = os.read(self._messages, 1 << 20)
            if not read:
                raise EOFError("the browser ended")
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message


@contextmanager
def started(directory: Path) -> Iterator[Browser]:
    """A browser whose profile and log are in `directory`."""
    program = require.command("chromium")
    (theirs_in, ours_out), (ours_in, theirs_out) = _pipe(), _pipe()
    process = os.posix_spawn(
        program,
        [program, *_OPTIONS, f"--user-data-dir={directory / 'profile'}"],
        {**os.environ, "HOME": str(directory), "XDG_CONFIG_HOME": str(directory)},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, theirs_in, 3),
            (os.POSIX_SPAWN_DUP2, theirs_out, 4),
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, directory / "log", os.O_WRONLY | os.O_CREAT, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setpgroup=0,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Browser(ours_out, ours_in)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(ours_out)
        os.close(ours_in)


def _pipe() -> list[int]:
    """Its ends for reading and writing, above 9: neither is in the way of the browser's 3 and 4."""
    moved = []
    for end in os.pipe():
        moved.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10))
        os.close(end)
    return moved
