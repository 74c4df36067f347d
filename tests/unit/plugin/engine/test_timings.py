"""Where the time of calls goes, over twins of the ports and a clock of the test."""

from __future__ import annotations

import pytest

from netattach_core.api import call_record
from netattach_core.api.call_record import FailedPlugin
from netattach_core.attach.plan import Carrier, Verb
from netattach_core.errors import NetattachError
from netattach_plugin.engine.call_recorder import CallRecorder
from netattach_plugin.engine.timings import Phase, StepTimes, Stopwatch
from support.twins import RecordedTimings, failed
from support.world import World


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_programs_that_run_at_the_same_time_are_counted_once() -> None:
    clock = Clock()
    times = StepTimes(clock)
    with times.running(Carrier.PLUGIN, ["net1"]):
        clock.now = 1.0
        with times.running(Carrier.PLUGIN, ["net2"]), times.running(Carrier.NATIVE, ["net3"]):
            clock.now = 3.0
        clock.now = 4.0
    clock.now = 10.0
    with times.running(Carrier.PLUGIN, ["net1"]):
        clock.now = 11.0

    assert {Carrier.PLUGIN: 5.0, Carrier.NATIVE: 2.0} == times.by_carrier
    assert {"net1": 11.0, "net2": 2.0, "net3": 2.0} == times.by_interface


def test_a_step_that_fails_is_counted_too() -> None:
    clock = Clock()
    times = StepTimes(clock)

    def run() -> None:
        with times.running(Carrier.PLUGIN, ["net1"]):
            clock.now = 2.0
            raise NetattachError("no")

    with pytest.raises(NetattachError):
        run()

    assert {"net1": 2.0} == times.by_interface


def test_a_phase_lasts_from_the_end_of_the_one_before_it() -> None:
    clock, timings = Clock(), RecordedTimings()
    watch = Stopwatch(timings, Verb.ADD, clock)
    clock.now = 1.0
    watch.ended(Phase.RESOLVE)
    clock.now = 5.0
    watch.restart()
    clock.now = 7.0
    watch.ended(Phase.STATUS)

    assert {("ADD", "resolve"): 1.0, ("ADD", "status"): 2.0} == timings.phases


def test_an_add_has_all_phases_and_all_networks() -> None:
    world = World("a,b")
    world.add()

    assert {"resolve", "plan", "plugin", "status"} == {phase for _, phase in world.timings.phases}
    assert [("ADD", "cbr0", True), ("ADD", "test/a", True), ("ADD", "test/b", True)] == sorted(
        world.timings.networks
    )


def test_each_verb_has_its_own() -> None:
    world = World("a")
    world.cni_version = "0.4.0"
    world.add()
    world.timings.networks.clear()
    world.check()
    world.delete()

    assert [("CHECK", "cbr0"), ("CHECK", "test/a"), ("DEL", "cbr0"), ("DEL", "test/a")] == sorted(
        each[:2] for each in world.timings.networks
    )
    assert ("DEL", "plugin") in world.timings.phases


def test_the_network_that_fails_is_the_one_that_is_reported_as_failed() -> None:
    """The undo is reported as the DEL that it is."""
    world = World("a,b")
    world.shim.replies["ADD net1 macvlan"] = failed("no such master")

    with pytest.raises(NetattachError):
        world.add()
    assert ("ADD", "test/a", False) in world.timings.networks
    assert ("ADD", "cbr0", True) in world.timings.networks
    assert ("DEL", "cbr0", True) in world.timings.networks
    assert ("ADD", "status") not in world.timings.phases


def test_the_event_of_a_failed_add_has_what_failed_and_what_it_took() -> None:
    world = World("a,b")
    world.shim.replies["ADD net1 macvlan"] = failed("no such master")

    with pytest.raises(NetattachError):
        world.add()
    record = world.events.records[0]

    assert record is not None
    assert ("c1", 100) == (record.container, record.code)
    assert [FailedPlugin("test/a", "net1", "macvlan", 999)] == list(record.failures)
    assert {"resolve", "plan", "plugin"} == set(record.phases)
    assert "cbr0" in record.networks


def test_the_event_of_an_add_has_what_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """It becomes text where it is written: no ADD waits for that."""
    monkeypatch.setattr(call_record, "to_text", lambda _: pytest.fail("the ADD serialises it"))
    world = World("a")
    world.add()
    record = world.events.records[0]

    assert record is not None
    assert (0, ()) == (record.code, tuple(record.failures))
    assert {"cbr0", "test/a"} == set(record.networks)


def test_a_record_does_not_change_with_the_call() -> None:
    recorder = CallRecorder("c1")
    before = recorder.record()
    recorder.phase("ADD", "plan", 1.0)
    recorder.network("ADD", "test/a", 1.0, succeeded=True)

    assert ({}, {}) == (before.phases, before.networks)
    assert {"plan": 1000.0} == recorder.record().phases
