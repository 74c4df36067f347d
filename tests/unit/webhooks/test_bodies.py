"""How the bodies of requests are read, and which one is given up when they are too many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request

from netattach_webhooks.bodies import MAX_BODY, Bodies, OverloadedError, TooLargeError
from unit.webhooks.harness import run, until

Scenario = Callable[[], Coroutine[Any, Any, None]]


class Protocol:
    """What a stream expects of its connection."""

    connected = True
    _reading_paused = False

    def pause_reading(self) -> None:
        return

    def resume_reading(self, *_: Any, **__: Any) -> None:
        return


class Upload:
    """A body that arrives when the test says so."""

    def __init__(self, bodies: Bodies) -> None:
        self.stream = StreamReader(cast(Any, Protocol()), 2**16, loop=asyncio.get_running_loop())
        self.request = make_mocked_request("POST", "/", payload=self.stream)
        self.used = asyncio.Event()
        self.arrived = 0
        self._bodies = bodies

    async def read(self) -> int:
        """The size of the body; it stays in memory until `used` is set."""
        async with self._bodies.read(self.request) as body:
            self.arrived = len(body)
            await self.used.wait()
            return len(body)

    async def feed(self, size: int, *, end: bool = False) -> None:
        self.stream.feed_data(bytes(size))
        if end:
            self.stream.feed_eof()
        await until(lambda: not self.stream._buffer)


def test_a_body_counts_until_it_is_no_longer_used() -> None:
    async def scenario() -> None:
        bodies = Bodies(100)
        async with asyncio.TaskGroup() as tasks:
            upload = Upload(bodies)
            reading = tasks.create_task(upload.read())
            await upload.feed(60)
            await upload.feed(40, end=True)
            await until(lambda: upload.arrived == 100)

            assert 100 == bodies._size
            upload.used.set()
            assert 100 == await reading
        assert 0 == bodies._size

    run(scenario)


def test_a_body_is_too_large_as_soon_as_it_has_one_byte_too_many() -> None:
    async def scenario() -> None:
        bodies = Bodies()
        upload = Upload(bodies)
        upload.stream.feed_data(bytes(MAX_BODY + 1))
        with pytest.raises(TooLargeError):
            await upload.read()
        assert 0 == bodies._size

    run(scenario)


def test_the_body_that_arrives_most_slowly_is_given_up_for_one_that_arrives_at_once() -> None:
    async def scenario() -> None:
        bodies = Bodies(100)
        async with asyncio.TaskGroup() as tasks:
            slow = [Upload(bodies) for _ in range(3)]
            reading = [tasks.create_task(_outcome(upload)) for upload in slow]
            for upload in slow:
                await upload.feed(30)
            fast = Upload(bodies)
            fast.used.set()
            read = tasks.create_task(fast.read())
            await fast.feed(60, end=True)

            assert 60 == await read
            assert ["overloaded", "overloaded"] == [await reading[0], await reading[1]]
            await slow[2].feed(0, end=True)
            slow[2].used.set()
            assert "30 bytes" == await reading[2]
        assert 0 == bodies._size

    run(scenario)


def test_complete_bodies_are_never_given_up() -> None:
    async def scenario() -> None:
        bodies = Bodies(100)
        async with asyncio.TaskGroup() as tasks:
            complete = Upload(bodies)
            reading = tasks.create_task(_outcome(complete))
            await complete.feed(80, end=True)
            await until(lambda: complete.arrived == 80)
            late = Upload(bodies)
            late.stream.feed_data(bytes(30))

            assert "overloaded" == await _outcome(late)
            complete.used.set()
            assert "80 bytes" == await reading

    run(scenario)


def test_bytes_that_arrive_after_a_body_was_given_up_do_not_count() -> None:
    async def scenario() -> None:
        bodies = Bodies(100)
        async with asyncio.TaskGroup() as tasks:
            slow, fast = Upload(bodies), Upload(bodies)
            reading = tasks.create_task(_outcome(slow))
            await slow.feed(50)
            fast.used.set()
            tasks.create_task(fast.read())
            slow.stream.feed_data(bytes(10))
            await fast.feed(100, end=True)

            assert "overloaded" == await reading
        assert 0 == bodies._size

    run(scenario)


async def _outcome(upload: Upload) -> str:
    try:
        return f"{await upload.read()} bytes"
    except OverloadedError:
        return "overloaded"
