"""In which order sides are measured, and what tracing counts."""

from collections import Counter
from typing import Any

from compare import cases, measure, tracing


def test_each_side_is_first_equally_often_and_no_side_always_follows_the_same_one() -> None:
    sides: list[Any] = ["a", "b", "c"]
    orders: list[list[Any]] = [list(measure.order(sides, number)) for number in range(6)]

    assert {"a": 2, "b": 2, "c": 2} == Counter(order[0] for order in orders)
    assert {"a", "c"} == {order[order.index("b") - 1] for order in orders if order[0] != "b"}


def test_a_case_names_the_networks_of_its_pod() -> None:
    assert ("macvlan", "macvlan") == cases.Case("macvlan", 2).networks
    assert ("vlan1", "vlan2") == cases.Case("vlan", 2).networks  # a master has one link for an ID
    assert {} == cases.Pod("a", ()).annotations


def test_a_trace_is_read_as_programs_started_and_syncs() -> None:
    trace = (
        "# tracer: nop\n"
        "  netattach-12 [001] ..... 5.1: sched_process_exec: filename=/opt/cni/bin/macvlan pid=12 old_pid=12\n"
        "  python-13 [000] ..... 5.2: sys_fdatasync(fd: 7)\n"
        "  python-13 [000] ..... 5.3: sys_fsync(fd: 7)\n"
    )

    assert {"start macvlan": 1, "sync": 2} == Counter(tracing.events(trace))
