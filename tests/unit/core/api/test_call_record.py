"""The record of a call: what is written can be read, it is bounded, and hostile texts are read without harm."""

from __future__ import annotations

import json

import pytest

from netattach_core.api import call_record
from netattach_core.api.call_record import CallRecord, FailedPlugin

RECORD = CallRecord(
    "c1",
    100,
    31.24,
    {"resolve": 1.26, "plugin": 29.0},
    {"cbr0": 10.0, "default/lan": 29.0},
    [FailedPlugin("default/lan", "net1", "macvlan", 11)],
)


def test_what_is_written_can_be_read() -> None:
    read = call_record.parse(call_record.to_text(RECORD))

    assert read is not None
    assert ("c1", 100, 31.2) == (read.container, read.code, read.milliseconds)
    assert {"resolve": 1.3, "plugin": 29.0} == read.phases
    assert RECORD.networks == read.networks
    assert RECORD.failures == read.failures


def test_a_call_of_many_networks_is_bounded() -> None:
    names = [f"{'n' * 63}/{'m' * 240}{number}" for number in range(400)]
    record = CallRecord(
        "c1",
        100,
        1.0,
        {},
        dict.fromkeys(names, 1.0),
        [FailedPlugin(name, "net1", "p" * 9999) for name in names],
    )
    text = call_record.to_text(record)
    read = call_record.parse(text)

    assert len(text) <= call_record.LONGEST
    assert read is not None
    assert names[0] == read.failures[0].network


@pytest.mark.parametrize("char", ["\U0001f980", "\0", '"', "ü", "\ud800"])
@pytest.mark.parametrize("count", [1, 2, 20])
def test_a_record_of_long_names_of_any_characters_can_be_read(char: str, count: int) -> None:
    """Names of plugins are the authors' own, and JSON writes some characters as six."""
    name = char * 9999
    record = CallRecord(
        name, 10**5000, 1.0, {name: 1.0}, {name: 1.0}, [FailedPlugin(name, name, name, -1)] * count
    )
    text = call_record.to_text(record)
    read = call_record.parse(text)

    assert len(text) <= call_record.LONGEST
    assert read is not None
    assert (char * 320, 1.0) == (read.container, read.milliseconds)
    assert {char * 320} >= {each.plugin for each in read.failures}


def test_of_failures_that_do_not_fit_the_first_ones_are_written() -> None:
    failures = [FailedPlugin(f"lab/{number}", "net1", "\U0001f980" * 300, 11) for number in range(20)]
    read = call_record.parse(call_record.to_text(CallRecord("c1", 100, failures=failures)))

    assert read is not None
    assert failures[:10] == read.failures


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "[" * 4000, "{}" + " " * 5000])
def test_what_is_no_record_is_none(text: str) -> None:
    assert call_record.parse(text) is None


@pytest.mark.parametrize("value", [None, -1, 1e300, True, "7", [1], {"a": 1}, float("inf")])
def test_a_value_of_another_form_counts_as_none(value: object) -> None:
    keys = ("container", "code", "ms", "phases", "networks", "failures")
    read = call_record.parse(json.dumps(dict.fromkeys(keys, value)))

    assert read is not None
    assert (0, 0.0, ()) == (read.code, read.milliseconds, tuple(read.failures))
    assert all(each in {0.0, 1.0} for each in read.phases.values())


def test_a_failure_of_another_form_is_empty() -> None:
    failures = [{"code": 3}, 7, {"network": 7, "interface": [], "plugin": "x" * 900, "code": "7"}]
    read = call_record.parse(json.dumps({"failures": failures}))

    assert read is not None
    assert [FailedPlugin("", "", "", 3), FailedPlugin("", "", "x" * 320, 0)] == read.failures


def test_no_more_than_twenty_failures_phases_and_networks_are_read() -> None:
    names = dict.fromkeys(map(str, range(50)), 1)
    failures = [{"code": number} for number in range(50)]
    text = json.dumps({"failures": failures, "phases": names, "networks": names})
    assert len(text) <= call_record.LONGEST
    read = call_record.parse(text)

    assert read is not None
    assert list(range(20)) == [each.code for each in read.failures]
    assert 20 == len(read.phases) == len(read.networks)
