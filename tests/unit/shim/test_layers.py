"""The layers of the shim: neither its headers nor the calls between its files have a circle."""

from __future__ import annotations

import graphlib
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from support import require

SHIM = Path(__file__).parents[3] / "plugin/shim"
DEFINES = ['-DSOCKET="s"', '-DCHAINS="c"', '-DBUILD="b"', "-DWAIT_MS=1"]

Graph = Mapping[str, set[str]]
"""What each file depends on."""


def _circle(graph: Graph) -> list[str]:
    """One circle, its first node again at its end; empty where the graph has none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def _included(path: Path) -> set[str]:
    return set(re.findall(r'^\s*#\s*include\s+"(.+)"', path.read_text(), re.MULTILINE))


def _headers(directory: Path) -> Graph:
    """Each header and the headers that it includes."""
    return {path.name: _included(path) for path in directory.glob("*.h")}


def _modules(directory: Path) -> Graph:
    """Each source together with its header, and the others that the two include."""
    graph: dict[str, set[str]] = {}
    for path in directory.glob("*.[ch]"):
        graph.setdefault(path.stem, set()).update(Path(name).stem for name in _included(path))
    return {name: others - {name} for name, others in graph.items()}


def _symbols(source: Path, scratch: Path) -> tuple[set[str], set[str]]:
    """The symbols that a source defines for others, and those that it takes from others."""
    compiled = scratch / source.with_suffix(".o").name
    subprocess.run([require.command("gcc"), "-std=c11", *DEFINES, "-c", "-o", compiled, source], check=True)
    listed = subprocess.run(
        [require.command("nm"), "--format=posix", "--extern-only", compiled],
        check=True,
        capture_output=True,
        text=True,
    )
    symbols = [line.split()[:2] for line in listed.stdout.splitlines()]
    return {name for name, kind in symbols if kind != "U"}, {name for name, kind in symbols if kind == "U"}


def _calls(directory: Path, scratch: Path) -> Graph:
    """Each source and the sources that define what it uses; the C library is left out."""
    symbols = {path.name: _symbols(path, scratch) for path in directory.glob("*.c")}
    definer = {symbol: name for name, (defined, _) in symbols.items() for symbol in defined}
    return {name: {definer[each] for each in used if each in definer} for name, (_, used) in symbols.items()}


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return _calls(SHIM, tmp_path_factory.mktemp("objects"))


def test_no_header_includes_itself_through_others() -> None:
    assert len(_headers(SHIM)) >= 20
    assert [] == _circle(_headers(SHIM))


def test_no_file_includes_its_own_header_through_others() -> None:
    """A source and its header count as one."""
    assert [] == _circle(_modules(SHIM))


def test_no_file_calls_itself_through_others(calls: Graph) -> None:
    assert {"runs.c", "exit.c"} <= calls["session.c"]
    assert [] == _circle(calls)


def test_the_makefile_lists_all_sources_from_the_bottom_to_the_top(calls: Graph) -> None:
    """Each file after those that it calls."""
    (listed,) = re.findall(r"^SOURCES := ((?:.*\\\n)*.*)", (SHIM / "Makefile").read_text(), re.MULTILINE)
    sources = listed.replace("\\\n", " ").split()

    assert sorted(calls) == sorted(sources)
    assert [] == [
        (name, other) for at, name in enumerate(sources) for other in calls[name] if other not in sources[:at]
    ]


def test_a_file_includes_the_header_of_each_file_that_it_calls(calls: Graph) -> None:
    """Or the second test would miss a call."""
    graph = _modules(SHIM)
    reached = {name: _reached(graph, name) for name in graph}

    assert [] == [
        (name, other)
        for name, others in calls.items()
        for other in others
        if Path(other).stem not in reached[Path(name).stem]
    ]


def _reached(graph: Graph, name: str) -> set[str]:
    found, rest = set[str](), [name]
    while rest:
        new = graph[rest.pop()] - found
        found |= new
        rest += new
    return found


class TestTheCheckItself:
    """On files that have a circle."""

    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        """a.c calls b.c, that calls c.c, and that calls a.c; the headers do the same, but for d.h."""
        directory = tmp_path / "sources"
        directory.mkdir()
        for name, other in ("ab", "bc", "ca"):
            (directory / f"{name}.h").write_text(f'#include "{other}.h"\nvoid {name}(void);\n')
            (directory / f"{name}.c").write_text(
                f"void {name}(void);\nvoid {other}(void);\nvoid {name}(void) {{ {other}(); }}\n"
            )
        (directory / "d.h").write_text('#include "a.h"\n#include <stdio.h>\n')
        return directory

    def test_a_circle_of_headers_is_found(self, directory: Path) -> None:
        assert {"a.h", "b.h", "c.h"} == set(_circle(_headers(directory)))
        (directory / "c.h").write_text("void c(void);\n")
        assert [] == _circle(_headers(directory))

    def test_a_circle_of_sources_through_their_headers_is_found(self, tmp_path: Path) -> None:
        (tmp_path / "a.h").write_text("")
        (tmp_path / "b.h").write_text("")
        (tmp_path / "a.c").write_text('#include "a.h"\n#include "b.h"\n')
        (tmp_path / "b.c").write_text('#include "b.h"\n#include "a.h"\n')

        assert [] == _circle(_headers(tmp_path))
        assert {"a", "b"} == set(_circle(_modules(tmp_path)))

    def test_a_circle_of_calls_is_found(self, directory: Path, tmp_path: Path) -> None:
        assert {"a.c", "b.c", "c.c"} == set(_circle(_calls(directory, tmp_path)))
        (directory / "c.c").write_text("static void a(void) {}\nvoid c(void);\nvoid c(void) { a(); }\n")
        assert [] == _circle(_calls(directory, tmp_path))
