"""The tables, from the data of a run. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from compare import figures, sides

_VERBS = (("ADD", "add"), ("DEL", "delete"))


def text(run: Mapping[str, Any]) -> str:
    """All tables, as Markdown."""
    machine = run["machine"]
    parts = [f"{machine['date']}, kernel {machine['kernel']}, {machine['cpus']} cores, {machine['cpu']}"]
    parts += [f"Left out: {name}: {reason}." for name, reason in run["left_out"].items()]
    parts += [_times(run), _ratios(run), _storms(run), _costs(run), _memory(run), _left(run)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _times(run: Mapping[str, Any]) -> str:
    if not run["cases"]:
        return ""
    rows = [
        [f"{case['name']} {label}", *(_time(case["samples"][side], key) for side in run["sides"])]
        for case in run["cases"]
        for label, key in _VERBS
    ]
    title = "Milliseconds: median (p99), and those of the processor"
    return f"{title}\n\n{_table(['', *run['sides']], rows)}"


def _time(sample: Mapping[str, Any], key: str) -> str:
    found = figures.summary(sample[key])
    cpu = figures.summary(sample[f"{key}_cpu"]).median
    return f"{found.median:.1f} ({found.p99:.1f}), {cpu:.1f}"


def _ratios(run: Mapping[str, Any]) -> str:
    """Of each of our sides, to Multus and to the floor."""
    pairs = [
        (side, other, inverse)
        for side in run["sides"]
        if side in sides.NATIVE_LINKS
        for other, inverse in ((sides.MULTUS, True), (sides.FLOOR, False))
        if other in run["sides"]
    ]
    if not run["cases"] or not pairs:
        return ""
    names = [
        f"{side}: times faster than Multus" if inverse else f"{side}: times the floor"
        for side, _, inverse in pairs
    ]
    rows = [
        [f"{case['name']} {label}", *(_ratio(case["samples"], key, *pair) for pair in pairs)]
        for case in run["cases"]
        for label, key in (*_VERBS, ("ADD, processor", "add_cpu"), ("DEL, processor", "delete_cpu"))
    ]
    return f"Ratios of medians, with 95 percent of resampled runs\n\n{_table(['', *names], rows)}"


def _ratio(samples: Mapping[str, Any], key: str, side: str, other: str, inverse: bool) -> str:  # noqa: FBT001
    ours, others = samples[side][key], samples[other][key]
    found = figures.ratio(others, ours) if inverse else figures.ratio(ours, others)
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _storms(run: Mapping[str, Any]) -> str:
    if not run["storms"]:
        return ""
    rows = [
        [f"{_storm_name(case)} {label}", *(_storm(case["samples"][side], key) for side in run["sides"])]
        for case in run["storms"]
        for label, key in _VERBS
    ]
    title = "Pods at once: pods per second, p99 of one in milliseconds, those of the processor for one; calls lost"
    return f"{title}\n\n{_table(['', *run['sides']], rows)}"


def _storm_name(case: Mapping[str, Any]) -> str:
    return f"{case['at_once']} at once, {case['count']} {case['kind']}"


def _storm(storm: Mapping[str, Any], key: str) -> str:
    if not storm[key]:
        return "daemon killed before"
    found = (
        f"{figures.summary(storm[f'{key}_pods_per_second']).median:.1f} pods/s, "
        f"{figures.percentile(storm[key], 99):.0f}, {figures.summary(storm[f'{key}_cpu']).median:.1f}"
    )
    lost = f"; {storm['lost']} of {storm['calls']} lost" if storm["lost"] else ""
    return found + lost + (", daemon killed" if storm["daemon_killed"] else "")


def _costs(run: Mapping[str, Any]) -> str:
    rows = [
        [f"{case['name']}: {what}", *(_cost(case["costs"][side], what) for side in run["sides"])]
        for case in run["costs"]
        for what in ("programs started", "syncs", "KiB written", "API requests")
    ]
    return f"One pod, ADD and DEL together\n\n{_table(['', *run['sides']], rows)}" if rows else ""


def _cost(cost: Mapping[str, Any], what: str) -> str:
    if what == "API requests":
        return ", ".join(f"{count:g} {name}" for name, count in cost["api_requests"].items()) or "0"
    if what == "KiB written":
        return f"{cost['bytes_written'] / 1024:.0f}"
    if "programs" not in cost:
        return "not counted: no tracefs"
    return f"{cost['syncs']:g}" if what == "syncs" else f"{sum(cost['programs'].values()):g}"


def _memory(run: Mapping[str, Any]) -> str:
    names = [side for side in run["sides"] if any(side in found for found in run["memory"].values())]
    rows = [
        [when, *(_mebibytes(found[side]) if side in found else "" for side in names)]
        for when, found in run["memory"].items()
    ]
    head = "Resident memory of the daemon in MiB, of which anonymous, and its peak"
    return f"{head}\n\n{_table(['', *names], rows)}" if rows else ""


def _mebibytes(found: Mapping[str, int]) -> str:
    """Runs of earlier versions have not measured anonymous memory."""
    shown = (found.get(key) for key in ("now_kib", "anonymous_kib", "peak_kib"))
    now, anonymous, peak = ("?" if kib is None else f"{kib / 1024:.1f}" for kib in shown)
    return f"{now} ({anonymous}, peak {peak})"


def left(run: Mapping[str, Any], side: str) -> dict[str, int]:
    """How many leases, links and files the side has left after DELs."""
    found = [case["samples"][side]["left"] for case in (*run["cases"], *run["storms"])]
    leases = sum(sum(each["leases"].values()) for each in found)
    return {"leases": leases, **{key: sum(each[key] for each in found) for key in ("links", "files")}}


def _left(run: Mapping[str, Any]) -> str:
    """In sentences; that nothing is left is one too."""
    lines = []
    for side in run["sides"]:
        errors = [error for case in run["cases"] for error in case["samples"][side]["errors"]]
        found = ", ".join(f"{count} {what}" for what, count in left(run, side).items())
        first = f", the first one with: {errors[0]}" if errors else ""
        lines.append(f"- {side}: {found} left after DEL; {len(errors)} calls failed{first}")
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
