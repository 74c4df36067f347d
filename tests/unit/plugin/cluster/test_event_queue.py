"""Events of pods and of the node: order, repetitions, outages and bounds."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netattach_core.api import call_record
from netattach_core.api.call_record import CallRecord
from netattach_core.api.pod import PodRef
from netattach_kube import events as events_api
from netattach_kube.resource import EVENTS
from netattach_plugin.cluster import event_queue
from netattach_plugin.cluster.event_queue import EventQueue
from support import api_server
from support.api_server import ApiServer

POD = PodRef("ns", "p", "u")


def broken_once(post: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    calls = itertools.count()

    async def posted(*words: Any, **named: Any) -> None:
        if next(calls) == 0:
            raise RuntimeError("as requested")
        await post(*words, **named)

    return posted


class TestEvents:
    @pytest.fixture(autouse=True)
    def _short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(event_queue, "_FIRST_PAUSE", 0.01)
        monkeypatch.setattr(event_queue, "_QUIET", 0.01)
        monkeypatch.setattr(event_queue, "_LOOK", 0.01)

    def run(
        self,
        story: Callable[[ApiServer, EventQueue], Coroutine[Any, Any, None]],
        *,
        per_interface: bool = False,
    ) -> None:
        async def serve() -> None:
            async with api_server.serving() as server, asyncio.timeout(60), asyncio.TaskGroup() as tasks:
                events = EventQueue(server.api, "node1", per_interface=lambda: per_interface)
                task = tasks.create_task(events.run())
                await story(server, events)
                task.cancel()

        asyncio.run(serve())

    def test_all_interfaces_of_a_pod_are_one_event(self) -> None:
        async def story(server: ApiServer, events: EventQueue) -> None:
            events.added(POD, ["Add eth0 [1.1.1.1/24] from cbr0", "Add net1 [1.1.1.2/24] from ns/n"])
            events.added(PodRef("ns", "other", "v"), ["Add eth0 [1.1.1.3/24] from cbr0"])
            await server.until(lambda: len(server.all(EVENTS)) == 2)

            assert [
                "Add eth0 [1.1.1.1/24] from cbr0; Add net1 [1.1.1.2/24] from ns/n",
                "Add eth0 [1.1.1.3/24] from cbr0",
            ] == sorted((event["message"] for event in server.all(EVENTS)), key=len, reverse=True)

        self.run(story)

    def test_while_pods_are_attached_failures_are_written_and_the_others_wait(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(event_queue, "_QUIET", 3600.0)

        async def story(server: ApiServer, events: EventQueue) -> None:
            events.added(POD, ["Add eth0"])
            await asyncio.sleep(0)
            events.failed(POD, "a")
            await server.until(lambda: len(server.all(EVENTS)) == 1)
            assert ["a"] == [event["message"] for event in server.all(EVENTS)]

            monkeypatch.setattr(event_queue, "_QUIET", 0.01)
            await server.until(lambda: len(server.all(EVENTS)) == 2)
            by_name = sorted(server.all(EVENTS), key=lambda event: event["metadata"]["name"])
            assert ["Add eth0", "a"] == [event["message"] for event in by_name]

        self.run(story)

    @pytest.mark.parametrize(("constant", "value"), [("_LATEST", 0.0), ("_LONGEST_QUEUE", 2)])
    def test_an_event_waits_neither_for_long_nor_in_a_full_queue(
        self, monkeypatch: pytest.MonkeyPatch, constant: str, value: float
    ) -> None:
        monkeypatch.setattr(event_queue, "_QUIET", 3600.0)
        monkeypatch.setattr(event_queue, constant, value)

        async def story(server: ApiServer, events: EventQueue) -> None:
            events.added(POD, ["Add eth0"])
            await asyncio.sleep(0.05)
            for number in range(2):
                events.added(PodRef("ns", f"other{number}", "v"), ["Add eth0"])
            await server.until(lambda: bool(server.all(EVENTS)))

            assert "p" in {event["involvedObject"]["name"] for event in server.all(EVENTS)}

        self.run(story)

    @pytest.mark.parametrize("length", [1, 340, 341, 342, 511, 512, 1024, 5000])
    def test_no_interface_is_cut_off_by_those_before_it(self, length: int) -> None:
        messages = [f"{number:02}" + "é" * (length // 2) for number in range(32)]
        joined = list(event_queue._joined(messages))

        assert messages == [message for text in joined for message in text.split("; ")]
        assert all(len(text.encode()) <= 1024 or text in messages for text in joined)

    def test_no_interfaces_are_no_event(self) -> None:
        assert [] == list(event_queue._joined([]))

    def test_each_interface_is_an_event_where_the_settings_say_so(self) -> None:
        async def story(server: ApiServer, events: EventQueue) -> None:
            events.added(POD, ["Add eth0 [1.1.1.1/24] from cbr0", "Add net1 [1.1.1.2/24] from ns/n"])
            await server.asked("POST /api/v1/namespaces/ns/events", times=2)
            await server.until(lambda: len(server.all(EVENTS)) == 2)
            written = server.all(EVENTS)

            assert ["Normal", "Normal"] == [event["type"] for event in written]
            assert ["AddedInterface", "AddedInterface"] == [event["reason"] for event in written]
            assert {"Pod"} == {event["involvedObject"]["kind"] for event in written}
            assert {"u"} == {event["involvedObject"]["uid"] for event in written}
            assert {"component": "netattach", "host": "node1"} == written[0]["source"]

        self.run(story, per_interface=True)

    def test_a_repeated_failure_is_one_event(self) -> None:
        async def story(server: ApiServer, events: EventQueue) -> None:
            for message in ("a", "a", "b", "a"):
                events.failed(POD, message)
            events.failed(PodRef("ns", "other", "v"), "a")
            await server.until(lambda: len(server.all(EVENTS)) == 3)

            assert ["a", "a", "b"] == sorted(event["message"] for event in server.all(EVENTS))
            assert {"Warning"} == {event["type"] for event in server.all(EVENTS)}

        self.run(story)

    def test_what_a_call_took_is_an_annotation_and_does_not_make_it_another_failure(self) -> None:
        async def story(server: ApiServer, events: EventQueue) -> None:
            events.failed(POD, "a", CallRecord(milliseconds=1.0))
            events.failed(POD, "a", CallRecord(milliseconds=2.0))
            events.added(POD, ["Add eth0"], CallRecord(milliseconds=3.0))
            events.missing(POD, "b")
            await server.until(lambda: len(server.all(EVENTS)) == 3)

            found = {
                each["message"]: call_record.parse(each["metadata"]["annotations"]["netattach.io/call"])
                for each in server.all(EVENTS)
                if each["metadata"].get("annotations")
            }
            assert {"a": CallRecord(milliseconds=1.0), "Add eth0": CallRecord(milliseconds=3.0)} == found

        self.run(story)

    def test_an_unreachable_api_is_retried(self) -> None:
        async def story(server: ApiServer, events: EventQueue) -> None:
            server.fail(503, times=2)
            events.failed(POD, "a")
            await server.until(lambda: len(server.all(EVENTS)) == 1)

        self.run(story)

    def test_a_refused_event_is_dropped_and_the_next_one_written(self) -> None:
        async def story(server: ApiServer, events: EventQueue) -> None:
            server.fail(422)
            events.failed(POD, "a")
            events.failed(POD, "b")
            await server.until(lambda: len(server.all(EVENTS)) == 1)

            assert ["b"] == [event["message"] for event in server.all(EVENTS)]

        self.run(story)

    def test_half_a_surrogate_pair_ends_nothing(self) -> None:
        """JSON of a plugin may have one."""

        async def story(server: ApiServer, events: EventQueue) -> None:
            events.failed(POD, "plugin failed: \ud800")
            events.added(POD, ["Add \udfff", "x" * 2000])
            events.failed(POD, "next")
            await server.until(lambda: len(server.all(EVENTS)) == 4)

            assert "plugin failed: ?" in {event["message"] for event in server.all(EVENTS)}

        self.run(story)

    def test_an_internal_error_for_one_event_ends_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def story(server: ApiServer, events: EventQueue) -> None:
            monkeypatch.setattr(events_api, "post", broken_once(events_api.post))
            events.failed(POD, "a")
            events.failed(POD, "b")
            await server.until(lambda: len(server.all(EVENTS)) == 1)

            assert ["b"] == [event["message"] for event in server.all(EVENTS)]

        self.run(story)

    def test_a_full_queue_drops_events(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(event_queue, "_LONGEST_QUEUE", 1)

        async def story() -> int:
            async with api_server.serving() as server:
                events = EventQueue(server.api, "node1")
                for number in range(5):
                    events.failed(POD, str(number))
                return events._queue.qsize()

        assert 1 == asyncio.run(story())

    def test_the_memory_of_failures_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(event_queue, "_MOST_REPORTED", 3)

        async def story() -> int:
            async with api_server.serving() as server:
                events = EventQueue(server.api, "node1")
                for number in range(9):
                    events.failed(POD, str(number))
                return len(events._reported)

        assert 3 == asyncio.run(story())
