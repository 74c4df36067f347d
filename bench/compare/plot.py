"""The plot of a run: time by number of networks, pods per second by pods at once. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from compare import figures, sides

_VERBS = (("ADD", "add"), ("DEL", "delete"))
_STYLES: dict[str, dict[str, Any]] = {
    sides.ONE_BY_ONE: {"color": "#9a9a9a", "linestyle": "--"},
    sides.FLOOR: {"color": "#4a4a4a", "linestyle": ":"},
    sides.BY_PLUGINS: {"color": "#4c92c3"},
    sides.NATIVE: {"color": "#0b5394", "linewidth": 2.5},
    sides.NATIVE_SECONDARIES: {"color": "#0b5394", "linestyle": "-."},
    sides.MULTUS: {"color": "#d1495b"},
}
"""Also for somebody who does not see colours: no two lines have the same brightness and style."""


def write(run: Mapping[str, Any], stem: Path) -> list[Path]:
    """Writes an SVG and a PNG; returns their paths, none for a run with nothing to plot."""
    kinds = sorted({case["kind"] for case in run["cases"] if case["kind"]})
    rows = len(kinds) + bool(run["storms"])
    if not rows:
        return []
    mpl.rcParams.update({"svg.hashsalt": "netattach", "svg.fonttype": "none", "font.size": 9})
    figure = Figure(figsize=(9, 3 * rows + 0.8), layout="constrained")
    axes = figure.subplots(rows, 2, squeeze=False)
    for kind, row in zip(kinds, axes, strict=False):
        for axis, (label, key) in zip(row, _VERBS, strict=True):
            _times(axis, run, kind, key)
            axis.set_title(f"{label}, {kind}")
    if run["storms"]:
        for axis, (label, key) in zip(axes[-1], _VERBS, strict=True):
            _rates(axis, run, key)
            axis.set_title(f"{label}, pods with 4 macvlan networks at once")
    lines, names = axes[0][0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", ncols=2, frameon=False)
    written = [stem.with_suffix(suffix) for suffix in (".svg", ".png")]
    figure.savefig(written[0], metadata={"Date": None})
    figure.savefig(written[1], dpi=110)
    return written


def _times(axis: Any, run: Mapping[str, Any], kind: str, key: str) -> None:
    """The line is the median, its shadow reaches from the 10th to the 90th percentile."""
    cases = sorted((case for case in run["cases"] if case["kind"] in ("", kind)), key=_count)
    counts = [_count(case) for case in cases]
    for side in run["sides"]:
        values = [case["samples"][side][key] for case in cases]
        style = _STYLES.get(side, {})
        axis.plot(
            counts,
            [figures.summary(each).median for each in values],
            label=side,
            marker="o",
            markersize=3,
            **style,
        )
        low, high = ([figures.percentile(each, percent) for each in values] for percent in (10, 90))
        axis.fill_between(counts, low, high, color=style.get("color"), alpha=0.1, linewidth=0)
    axis.set(xlabel="secondary networks of the pod", ylabel="milliseconds", ylim=(0, None), xticks=counts)
    axis.grid(alpha=0.3)


def _rates(axis: Any, run: Mapping[str, Any], key: str) -> None:
    """Where all calls of a side failed or its daemon had been killed, there is no point."""
    for side in run["sides"]:
        storms = [storm for storm in run["storms"] if storm["samples"][side][f"{key}_pods_per_second"]]
        rates = [figures.summary(storm["samples"][side][f"{key}_pods_per_second"]).median for storm in storms]
        axis.plot(
            [storm["at_once"] for storm in storms], rates, marker="o", markersize=3, **_STYLES.get(side, {})
        )
    axis.set_xscale("log", base=2)
    sizes = [storm["at_once"] for storm in run["storms"]]
    axis.set(
        xlabel="pods at once",
        ylabel="pods per second",
        ylim=(0, None),
        xticks=sizes,
        xticklabels=map(str, sizes),
    )
    axis.grid(alpha=0.3)


def _count(case: Mapping[str, Any]) -> int:
    return int(case["count"])
