"""The plot of a run."""

from pathlib import Path
from typing import Any

from compare import plot, sides


def test_a_run_without_cases_has_no_plot(tmp_path: Path) -> None:
    assert [] == plot.write({"cases": [], "storms": [], "sides": []}, tmp_path / "plot")


def test_the_plot_is_an_svg_and_a_png_with_all_sides(tmp_path: Path) -> None:
    names = [sides.FLOOR, sides.MULTUS, "a side without a style"]
    sample = {"add": [1.0, 2.0], "delete": [3.0]}
    killed: dict[str, Any] = {"add_pods_per_second": [], "delete_pods_per_second": []}
    storm = {"add_pods_per_second": [9.0], "delete_pods_per_second": [8.0]}
    cases = [
        {"kind": kind, "count": count, "samples": dict.fromkeys(names, sample)}
        for kind, count in (("", 0), ("macvlan", 4))
    ]
    storms = [{"at_once": 8, "samples": {**dict.fromkeys(names, storm), sides.MULTUS: killed}}]

    svg, png = plot.write({"cases": cases, "storms": storms, "sides": names}, tmp_path / "plot")

    assert all(name in svg.read_text() for name in names)
    assert b"\x89PNG" == png.read_bytes()[:4]
