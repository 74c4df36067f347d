"""The benchmark's tables."""

from typing import Any

from compare import report, sides

STORM = {"at_once": 32, "count": 4, "kind": "macvlan"}
SIDES = [sides.FLOOR, sides.BY_PLUGINS, sides.MULTUS]


def _sample(milliseconds: float, leases: int = 0) -> dict[str, Any]:
    left = {"leases": {"cbr0": leases} if leases else {}, "links": 0, "files": 0}
    times = dict.fromkeys(("add", "delete", "add_cpu", "delete_cpu"), [milliseconds] * 3)
    return {**times, "errors": [], "left": left}


def _storm(pods: float, lost: int = 0, *, killed: bool = False) -> dict[str, Any]:
    rates = {"add_pods_per_second": [pods], "delete_pods_per_second": [pods], "calls": 64, "lost": lost}
    return {**_sample(100.0), **rates, "daemon_killed": killed}


def _run(**more: Any) -> dict[str, Any]:
    machine = {"date": "2026-11-30", "kernel": "6", "cpus": 2, "cpu": "a"}
    return {
        "machine": machine,
        "left_out": {},
        "sides": SIDES,
        "cases": [],
        "storms": [],
        "costs": [],
        "memory": {},
        **more,
    }


def _row(text: str, start: str) -> list[str]:
    [line] = [line for line in text.splitlines() if line.startswith(f"| {start} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_ratios_say_how_much_faster_than_multus_and_how_far_from_the_floor_a_side_is() -> None:
    samples = dict(zip(SIDES, (_sample(10), _sample(20), _sample(60)), strict=True))
    text = report.text(_run(cases=[{"name": "4 macvlan", "samples": samples}]))

    assert ["4 macvlan ADD", "3.00 (3.00 to 3.00)", "2.00 (2.00 to 2.00)"] == _row(
        text.partition("Ratios")[2], "4 macvlan ADD"
    )


def test_a_side_that_is_left_out_is_named_with_its_reason() -> None:
    text = report.text(_run(sides=SIDES[:2], left_out={sides.MULTUS: "set MULTUS_DAEMON"}))

    assert f"Left out: {sides.MULTUS}: set MULTUS_DAEMON." in text


def test_leases_that_stay_after_a_del_are_counted_by_side() -> None:
    samples = dict(zip(SIDES, (_sample(1), _sample(1), _sample(1, leases=3)), strict=True))
    text = report.text(_run(cases=[{"name": "a", "samples": samples}]))

    assert f"- {sides.BY_PLUGINS}: 0 leases, 0 links, 0 files left after DEL; 0 calls failed" in text
    assert f"- {sides.MULTUS}: 3 leases, 0 links, 0 files left after DEL; 0 calls failed" in text


def test_lost_calls_and_a_killed_daemon_are_in_the_table_of_storms() -> None:
    samples = dict(zip(SIDES, (_storm(9), _storm(8), _storm(7, lost=5, killed=True)), strict=True))
    text = report.text(_run(storms=[{**STORM, "samples": samples}]))

    assert (
        "7.0 pods/s, 100, 100.0; 5 of 64 lost, daemon killed" == _row(text, "32 at once, 4 macvlan ADD")[-1]
    )


def test_a_side_without_values_after_its_daemon_was_killed_is_named() -> None:
    empty = {**_storm(1, killed=True), "add": [], "delete": []}
    samples = dict(zip(SIDES, (_storm(9), _storm(8), empty), strict=True))
    text = report.text(_run(storms=[{**STORM, "samples": samples}]))

    assert "daemon killed before" == _row(text, "32 at once, 4 macvlan ADD")[-1]


def test_a_machine_without_tracing_says_so_instead_of_a_number() -> None:
    cost = {"bytes_written": 2048, "api_requests": {"POST events": 5.0, "PATCH pods/status": 1.0}}
    text = report.text(_run(costs=[{"name": "a", "costs": dict.fromkeys(SIDES, cost)}]))

    assert ["not counted: no tracefs"] * 3 == _row(text, "a: programs started")[1:]
    assert "2" == _row(text, "a: KiB written")[1]
    assert "5 POST events, 1 PATCH pods/status" == _row(text, "a: API requests")[1]
