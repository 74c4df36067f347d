"""`make bench`: measures, prints the tables, saves the data and the plot. Needs root."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from compare import cases, cgroups, costs, measure, memory, node, report, sides, storms, tracing
from compare.cases import Case
from compare.cgroups import Limits
from compare.measure import Measured
from compare.sides import Side
from netattach_cli.demo.demo_node import DemoNodeError

MULTUS_LIMITS = Limits(cpu_milli=100, memory_mib=50)
"""Of its own manifest, deployments/multus-daemonset-thick.yml. Ours sets none (deploy/kustomize/base/daemon.yaml)."""

_QUICK_REPETITIONS = 5


def main() -> int:
    """0; 1 with a message if the benchmark cannot run, or if netattach has left something behind."""
    arguments = _arguments()
    try:
        run = _run(arguments) if arguments.report is None else json.loads(arguments.report.read_text())
    except (node.BenchError, DemoNodeError, cgroups.CgroupError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(report.text(run), end="")
    if arguments.report is None:
        _save(run, arguments.results / f"{run['machine']['date'][:10]}-{arguments.name}")
        return _status(run)
    if arguments.plot is not None:
        _plot(run, arguments.plot)
    return 0


def _status(run: dict[str, Any]) -> int:
    for side in run["sides"]:
        found = report.left(run, side)
        if side in sides.NATIVE_LINKS and any(found.values()):
            print(f"bench: {side} has left behind {found}; that is a bug, please report it", file=sys.stderr)
            return 1
    return 0


def _save(run: dict[str, Any], stem: Path) -> None:
    stem.with_suffix(".json").write_text(_compact(run) + "\n")
    stem.with_suffix(".md").write_text(report.text(run))
    _plot(run, stem)


def _plot(run: dict[str, Any], stem: Path) -> None:
    from compare import plot  # noqa: PLC0415  # its library takes a second to import

    for path in plot.write(run, stem):
        print(f"bench: {path}", file=sys.stderr)


def _compact(run: dict[str, Any]) -> str:
    """One line for each case, so that a diff of two runs is short; no value has more digits than it is worth."""
    return re.sub(r"(\d+\.\d{3})\d+", r"\1", json.dumps(run, separators=(",", ":"))).replace(
        '{"name":', '\n{"name":'
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--cni-bin", type=Path, default=Path("/opt/cni/bin"))
    parser.add_argument("--shim", type=Path, default=Path("plugin/shim/build/netattach"))
    parser.add_argument("--multus-daemon", type=_path, default=os.environ.get("MULTUS_DAEMON"))
    parser.add_argument("--multus-shim", type=_path, default=os.environ.get("MULTUS_SHIM"))
    parser.add_argument(
        "--python", default=sys.executable, help="the daemon's interpreter; the image has that of Debian"
    )
    parser.add_argument("--quick", action="store_true", help="two minutes: fewer cases and repetitions")
    parser.add_argument(
        "--types", default="", help="types of networks, with commas; all: every one that the kernel has"
    )
    parser.add_argument("--counts", default="", help="networks of a pod, with commas")
    parser.add_argument("--storms", default=None, help="pods at once, with commas; empty: none")
    parser.add_argument("--repetitions", type=int, default=0)
    parser.add_argument("--sides", default="", help="parts of their names, with commas; default: all")
    parser.add_argument(
        "--limits", action="store_true", help="storms only, with the limits of each side's own manifest"
    )
    parser.add_argument(
        "--memory", action="store_true", help="only the memory after storms of 64 and after 2000 pods"
    )
    parser.add_argument(
        "--report", type=Path, help="prints the tables of an earlier run's JSON, measures nothing"
    )
    parser.add_argument("--plot", type=Path, help="with --report: where to write PLOT.svg and PLOT.png")
    parser.add_argument("--name", default="bench", help="of the files in --results: DATE-NAME.json")
    parser.add_argument("--results", type=Path, default=Path(__file__).parents[1] / "results")
    return parser.parse_args()


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    if os.geteuid() != 0:
        raise node.BenchError(
            "needs root: control groups, tracing and the network namespaces of other processes"
        )
    found = sides.all_sides(arguments.shim, arguments.multus_daemon, arguments.multus_shim, arguments.python)
    left_out = {side.name: side.missing() for side in found if side.missing()}
    wanted = [side for side in found if not side.missing() and _is_wanted(side.name, arguments.sides)]
    run: dict[str, Any] = {
        "machine": _machine(),
        "arguments": {
            key: str(value)
            for key, value in vars(arguments).items()
            if value and value != sys.executable and not isinstance(value, Path)
        },
        "sides": [side.name for side in wanted],
        "left_out": left_out,
        "cases": [],
        "storms": [],
        "costs": [],
        "memory": {},
    }
    with tempfile.TemporaryDirectory(prefix="netattach-bench-") as directory:
        measured = _running(wanted, Path(directory), arguments)
        with measured as running, tracing.instance() as traced:
            run["memory"]["idle"] = memory.resident(running)
            if arguments.memory:
                _memory(run, running)
            else:
                _measure(run, running, traced, arguments)
    return run


def _is_wanted(name: str, parts: str) -> bool:
    return not parts or any(part.strip() in name for part in parts.split(","))


@contextlib.contextmanager
def _running(wanted: Sequence[Side], root: Path, arguments: argparse.Namespace) -> Iterator[list[Measured]]:
    """All sides, each on its node."""
    with contextlib.ExitStack() as stack:
        running = []
        for number, side in enumerate(wanted):
            limits = MULTUS_LIMITS if arguments.limits and side.name == sides.MULTUS else None
            group = stack.enter_context(cgroups.create(str(number), limits))
            at = root / f"node{number}"
            built = stack.enter_context(node.build(at, arguments.cni_bin, arguments.shim, group))
            node.create_objects(built, cases.NETWORKS_OF_ALL_CASES)
            started = stack.enter_context(side.running(built))
            running.append(Measured(started, group if started.daemon is not None else None))
        yield running


def _measure(
    run: dict[str, Any],
    running: list[Measured],
    traced: tracing.Tracing | None,
    arguments: argparse.Namespace,
) -> None:
    quick = arguments.quick
    types = _types(arguments.types, running)
    counts = (
        [int(count) for count in arguments.counts.split(",")]
        if arguments.counts
        else ([4] if quick else [1, 2, 4, 8])
    )
    repetitions = arguments.repetitions or (_QUICK_REPETITIONS if quick else 12)
    sizes = [32] if quick else [1, 8, 32, 64]
    if arguments.storms is not None:
        sizes = [int(size) for size in filter(None, arguments.storms.split(","))]
    if not arguments.limits:
        for case in cases.single(types, counts):
            _say(case.name)
            run["cases"].append(
                _as_json(case) | {"samples": _json(measure.in_turn(running, case, repetitions))}
            )
        for case in cases.single(types, [4]):
            _say(f"{case.name}, costs")
            run["costs"].append(_as_json(case) | {"costs": costs.of(running, case, traced)})
    for case in cases.storms(sizes):
        _say(case.name)
        run["storms"].append(_as_json(case) | {"samples": _json(storms.in_turn(running, case))})
    run["memory"]["at the end"] = memory.resident([side for side in running if storms.is_alive(side)])


def _memory(run: dict[str, Any], running: list[Measured]) -> None:
    storm = Case("macvlan", 4, 64)
    _say(storm.name)
    run["storms"].append(_as_json(storm) | {"samples": _json(storms.in_turn(running, storm))})
    run["memory"]["after storms of 64"] = memory.resident(running)
    _say("2000 pods")
    run["memory"]["after 2000 pods"] = memory.after_pods(running, 2000)


def _types(text: str, running: list[Measured]) -> tuple[str, ...]:
    """`all` means those whose links the kernel has: their plugin is tried by hand."""
    if text != "all":
        return tuple(text.split(",")) if text else cases.DEFAULT_TYPES
    by_hand = [side for side in running if side.running.daemon is None][:1]
    return tuple(
        kind
        for kind in cases.TYPES
        if not by_hand or not measure.in_turn(by_hand, Case(kind, 1), 0)[by_hand[0].name].errors
    )


def _as_json(case: Case) -> dict[str, Any]:
    return {"name": case.name, "kind": case.kind, "count": case.count, "at_once": case.at_once}


def _json(samples: dict[str, Any]) -> dict[str, Any]:
    return {name: sample.as_json() for name, sample in samples.items()}


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def _machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "date": dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds"),
        "kernel": os.uname().release,
        "cpus": os.cpu_count(),
        "cpu": models[0] if models else platform.machine(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


if __name__ == "__main__":
    sys.exit(main())
