"""The page of `netattach graph -o html` in a real browser: it loads nothing, and all of it can be read.

The pictures that it takes are in pytest's temporary directory.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.graph import colours
from netattach_cli.graph import html as html_page
from netattach_cli.graph.matrix import matrix
from support import browser, fake_kubectl
from support.browser import Browser, Page
from unit.cli.graph.clusters import HOSTILE, hostile, large
from unit.cli.samples import Netattach

FACTS = (Path(__file__).parent / "page_facts.js").read_text()
CLUSTER = Path(__file__).parent / "demo_cluster.json"

LEAST_FONT, LEAST_CONTRAST = 12, 4.5
"""Pixels, and what WCAG 2.2 demands of text (1.4.3)."""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser.started(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, netattach: Netattach) -> Path:
    """The page of the cluster whose picture is in the documents."""
    fake_kubectl.install(tmp_path / "bin", json.loads(CLUSTER.read_text()))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    status, out, errors = netattach("graph", "-A")
    assert (0, "") == (status, errors)
    return written(tmp_path, out)


def written(directory: Path, text: str) -> Path:
    path = directory / "graph.html"
    path.write_text(text)
    return path


def fact(page: Page, call: str) -> Any:
    """Of page_facts.js."""
    return page.value(f"{FACTS}.{call}")


def pixels(chromium: Browser, page: Page, picture: Path) -> Mapping[str, int]:
    """How many of each colour the picture of the page has, which a page without a policy of its own counts."""
    picture.write_bytes(page.picture())
    blank = chromium.open(written(picture.parent, "<!doctype html>"))
    return dict(fact(blank, f"colours('{base64.b64encode(picture.read_bytes()).decode()}')"))


def pixel(fill: str) -> str:
    """A colour #rrggbb as page_facts.js writes it."""
    return ",".join(map(str, bytes.fromhex(fill.removeprefix("#"))))


def assert_readable(page: Page) -> None:
    assert [] == fact(page, "cutOff()")
    assert [] == fact(page, f"smallText({LEAST_FONT})")
    assert [] == fact(page, f"faintText({LEAST_CONTRAST})")
    assert 0 == fact(page, "overlappingHeaders()")
    assert not fact(page, "isWiderThanTheWindow()")


def test_the_page_of_the_demo_cluster(chromium: Browser, demo: Path, tmp_path: Path) -> None:
    page = chromium.open(demo)

    assert_readable(page)
    assert ([demo.as_uri()], []) == (page.requests, page.messages)
    found = pixels(chromium, page, tmp_path / "demo.png")
    assert 300 < found[pixel(colours.FILL["bad"])] < found[pixel(colours.FILL["ok"])]


def test_a_network_that_is_not_ready_is_red_and_says_why(chromium: Browser, demo: Path) -> None:
    page = chromium.open(demo)
    cell = fact(page, "cell('shop/frontend', 'node2')")

    red, green, blue = cell["colour"]
    assert red > 180
    assert max(green, blue) < 90
    assert (
        "shop/frontend on node2: not ready: PluginMissing: the plugin sbr is not installed" == cell["title"]
    )
    assert [cell["text"], "PluginMissing", "the plugin sbr is not installed"] in fact(page, "reasons()")
    ready = fact(page, "cell('shop/frontend', 'node1')")
    assert ready["colour"][1] > max(ready["colour"][0], ready["colour"][2])


def test_a_page_of_200_networks_on_100_nodes(chromium: Browser, tmp_path: Path) -> None:
    page = chromium.open(written(tmp_path, html_page.text(matrix(large()))))

    found = pixels(chromium, page, tmp_path / "top.png")
    assert min(found[pixel(colours.FILL["bad"])], found[pixel(colours.FILL["ok"])]) > 5000
    assert_readable(page)
    assert [] == page.messages
    names = ["network", "ip-10-0-099-17.eu-central-1.compute.internal", "team19/customer-net199"]
    assert names == fact(page, "namesAtTheEnd()")
    (tmp_path / "end.png").write_bytes(page.picture())
    page.resize(480, 800)
    assert fact(page, "shareOfCells()") > 0.5
    assert names == fact(page, "namesAtTheEnd()")


def test_hostile_texts_load_and_run_nothing(chromium: Browser, tmp_path: Path) -> None:
    for text in HOSTILE:
        path = written(tmp_path, html_page.text(hostile(text)))
        page = chromium.open(path)

        assert ([path.as_uri()], []) == (page.requests, page.messages)


def test_a_page_that_loads_runs_and_hides_something_would_be_found(chromium: Browser, tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '<!doctype html><body><img src="missing.png"><script>console.log("ran")</script>'
        '<p style="width:20px;height:10px;overflow:hidden;font-size:9px;color:#999">Much too long to be read</p>',
    )
    page = chromium.open(path)

    assert [path.as_uri(), (tmp_path / "missing.png").as_uri()] == page.requests
    assert any("ran" in each for each in page.messages)
    assert any("ERR_FILE_NOT_FOUND" in each for each in page.messages)
    for call in ("cutOff()", f"smallText({LEAST_FONT})", f"faintText({LEAST_CONTRAST})"):
        assert [["p", "Much too long to be read"]] == [each[:2] for each in fact(page, call)]
