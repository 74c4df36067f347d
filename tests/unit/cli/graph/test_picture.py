"""docs/assets/graph.svg is what `netattach graph -A -o svg` draws of a recorded cluster of two nodes.

demo_cluster.json has what the API server of a cluster of `make cluster` returned, as far as the picture needs it: the plugin
sbr has been removed from node2. NETATTACH_WRITE_PAGES=1 draws the picture again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from support import fake_kubectl, pages, require
from unit.cli.samples import Netattach

PICTURE = pages.DOCS / "assets/graph.svg"
CLUSTER = Path(__file__).parent / "demo_cluster.json"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, netattach: Netattach) -> str:
    fake_kubectl.install(tmp_path / "bin", json.loads(CLUSTER.read_text()))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    status, out, errors = netattach("graph", "-A", "-o", "svg")
    assert (0, "") == (status, errors)
    return out


def test_the_picture_is_what_the_command_draws(drawn: str) -> None:
    if os.environ.get("NETATTACH_WRITE_PAGES"):
        PICTURE.write_text(drawn)

    assert drawn == PICTURE.read_text(), "run this test with NETATTACH_WRITE_PAGES=1"


def test_it_has_each_kind_of_cell(drawn: str) -> None:
    titles = [each.text or "" for each in ET.fromstring(drawn).iter(f"{SVG}title")]

    assert "shop/frontend on node1: ready; 1 pods" in titles
    assert "shop/frontend on node2: not ready: PluginMissing: the plugin sbr is not installed" in titles
    assert "default/capture on node2: not for this node" in titles
    assert "shop/web-2 (lacks it)" in drawn


def test_pages_show_it() -> None:
    assert "](docs/assets/graph.svg)" in (require.REPOSITORY / "README.md").read_text()
    assert "](../assets/graph.svg)" in (pages.DOCS / "how-to/ask.md").read_text()
