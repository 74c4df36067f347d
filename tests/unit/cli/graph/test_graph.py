"""Networks on nodes as a page, a picture and a diagram: what they have, how large they get, and hostile texts in them."""

from __future__ import annotations

import html.parser
import itertools
import random
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from netattach_cli.graph import html as html_page
from netattach_cli.graph import mermaid, svg
from netattach_cli.graph.inputs import Facts
from netattach_cli.graph.matrix import Matrix, State, matrix
from netattach_cli.networks.inputs import NodeFacts
from support import fake_kubectl
from unit.cli import cluster_objects as objects
from unit.cli.graph.clusters import HOSTILE, facts, hostile, large, small
from unit.cli.samples import Netattach

SVG = "{http://www.w3.org/2000/svg}"
WRITERS: dict[str, Callable[[Matrix], str]] = {
    "html": html_page.text,
    "svg": svg.text,
    "mermaid": mermaid.text,
}


class Page(html.parser.HTMLParser):
    """Tags with their attributes, and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "!doctype"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str, class_: str = "") -> list[dict[str, str | None]]:
        return [
            attrs for name, attrs in self.tags if name == tag and (not class_ or attrs.get("class") == class_)
        ]


def test_a_cell_has_its_state_and_its_reason() -> None:
    found = matrix(small())

    assert ["node1", "node2"] == list(found.nodes)
    assert [State.READY, State.NOT_READY] == [cell.state for cell in found.rows[0].cells]
    assert "InterfaceMissing" == found.reason(found.rows[0].cells[1].reasons[0]).reason
    assert [("default/late", False), ("default/web", True)] == [
        (pod.name, pod.ready) for pod in found.rows[0].pods
    ]
    assert "default/lan on node2: not ready: InterfaceMissing: " in found.title(
        found.rows[0], "node2", found.rows[0].cells[1]
    )


def test_without_the_right_to_read_nodes_nothing_is_called_ready() -> None:
    known = small()
    found = matrix(Facts(known.networks, NodeFacts(known.nodes.nodes, known=False)))

    assert {State.UNKNOWN} == {cell.state for row in found.rows for cell in row.cells}


def test_a_network_for_other_nodes() -> None:
    network = objects.network()
    network["metadata"]["annotations"] = {"netattach.io/node-selector": "kubernetes.io/hostname=node1"}
    found = matrix(facts([network], ["node1", "node2"]))

    assert [State.READY, State.NOT_SELECTED] == [cell.state for cell in found.rows[0].cells]


@pytest.mark.parametrize("format_", WRITERS)
def test_the_same_objects_in_any_order_are_the_same_file(format_: str) -> None:
    start = large()
    shuffled = random.Random(7)
    mixed = Facts(
        shuffled.sample(start.networks, len(start.networks)),
        NodeFacts(
            shuffled.sample(start.nodes.nodes, 100),
            shuffled.sample(start.nodes.daemons, 100),
            shuffled.sample(start.nodes.inventories, 100),
        ),
        shuffled.sample(start.pods, len(start.pods)),
    )

    assert WRITERS[format_](matrix(start)) == WRITERS[format_](matrix(mixed))


def test_a_page_of_200_networks_on_100_nodes() -> None:
    text = html_page.text(matrix(large()))
    page = Page(text)

    assert [] == page.open
    assert 20_000 == len(page.of("td", "ok")) + len(page.of("td", "bad"))
    assert 200 * 15 == len(page.of("td", "bad"))
    assert 200 == len(page.of("details"))
    assert text.isascii()
    assert len(text) < 6_000_000
    assert [] == page.of("script")
    assert {"InterfaceMissing"} == set(re.findall("InterfaceMissing", page.text))


def test_a_picture_of_200_networks_on_100_nodes() -> None:
    root = ET.fromstring(svg.text(matrix(large())))

    red = [each for each in root.iter(f"{SVG}rect") if each.get("fill") == "#d3382e"]
    assert 200 * 15 + 1 == len(red)
    _, _, width, height = map(float, (root.get("viewBox") or "").split())
    assert all(
        0 <= float(each.get("y", 0)) < height and 0 <= float(each.get("x", 0)) < width
        for each in root.iter(f"{SVG}rect")
    )


def test_a_diagram_has_reasons_and_pods() -> None:
    expected = """\
flowchart LR
  classDef ok fill:#cfe8d5,stroke:#14532d,color:#14532d
  classDef bad fill:#d3382e,stroke:#7f1d1d,color:#ffffff
  n0["default/lan 1/2 nodes"]:::bad
  n0 --- n0r1["node2: InterfaceMissing: MESSAGE"]:::bad
  n0p0("default/late: Pending"):::bad -.-> n0
  n0p1("default/web") --> n0
"""
    found = matrix(small())
    message = mermaid._label(found.reasons[0].message)

    assert expected.replace("MESSAGE", message) == mermaid.text(found)


def test_a_page_allows_itself_nothing_but_its_style() -> None:
    page = Page(html_page.text(matrix(small())))
    policy = next(each["content"] or "" for each in page.of("meta") if each.get("http-equiv"))

    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert not [attrs for _, attrs in page.tags if {"style", "src", "href", "onclick"} & attrs.keys()]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_text_on_a_page(text: str) -> None:
    page, harmless = Page(html_page.text(hostile(text))), Page(html_page.text(hostile("x")))

    assert tags(page.tags) == tags(harmless.tags)
    assert page.of("td")[0]["title"] is not None


def tags(found: Iterable[tuple[str, Any]]) -> list[tuple[str, list[str]]]:
    """In any order, which is that of names."""
    return sorted((tag, sorted(attributes)) for tag, attributes in found)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_text_in_a_picture(text: str) -> None:
    root, harmless = (ET.fromstring(svg.text(hostile(each))) for each in (text, "x"))

    assert tags((each.tag, each.attrib) for each in root.iter()) == tags(
        (each.tag, each.attrib) for each in harmless.iter()
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_text_in_a_diagram(text: str) -> None:
    lines, harmless = (mermaid.text(hostile(each)).splitlines() for each in (text, "x"))

    assert len(harmless) == len(lines)
    assert not set(
        itertools.chain.from_iterable(re.findall(r'"(.*?)"', line)[0] for line in lines[3:])
    ) & set('<>`"[]{}\n\x1b%')


def test_the_command_writes_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, netattach: Netattach
) -> None:
    fake_kubectl.install(tmp_path / "bin", objects.healthy(datetime.now(UTC)))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")

    status, out, errors = netattach("graph", "-A")
    assert (0, "") == (status, errors)
    assert "1 networks on 2 nodes" in Page(out).text
    assert netattach("graph", "-o", "svg")[1].startswith("<svg ")
    assert netattach("graph", "-o", "mermaid")[1].startswith("flowchart LR\n")
    assert '"rows": [' in netattach("graph", "-o", "json")[1]
