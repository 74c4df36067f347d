"""Findings of the severity `advice`: printed only on request, and by the settings' will a warning for everybody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unit.cli.samples import Netattach, nad

USUAL = '{"type": "macvlan", "master": "eth1", "ipam": {"type": "host-local", "subnet": "10.1.2.0/24"}}'
RULES = ["cni-version-missing", "leases-per-node"]


@pytest.fixture(autouse=True)
def _file(netattach: Netattach) -> None:
    Path("a.yaml").write_text(nad("a", USUAL))


def test_advice_is_not_printed(netattach: Netattach) -> None:
    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", "--strict", "a.yaml")


def test_advice_is_printed_on_request_and_is_no_warning(netattach: Netattach) -> None:
    status, out, _ = netattach("lint", "--advice", "--strict", "a.yaml")

    assert 0 == status
    assert [f"advice [{rule}]" for rule in RULES] == [
        line.partition(" ")[2].partition("]")[0] + "]" for line in out.splitlines() if " advice [" in line
    ]
    assert out.endswith("1 NAD: nothing wrong\n")


def test_advice_is_a_note_in_sarif(netattach: Netattach) -> None:
    _, out, _ = netattach("lint", "--advice", "-o", "sarif", "a.yaml")

    assert {"note"} == {result["level"] for result in json.loads(out)["runs"][0]["results"]}


def test_the_settings_make_warnings_of_it(netattach: Netattach) -> None:
    Path("settings.yaml").write_text("validation: {severities: {leases-per-node: warn}}")

    status, out, _ = netattach("lint", "--strict", "--settings", "settings.yaml", "a.yaml")

    assert 1 == status
    assert "warn [leases-per-node] lab/a ipam.type" in out
    assert "cni-version-missing" not in out


def test_with_two_nodes_the_leases_are_a_warning(netattach: Netattach) -> None:
    nodes = [{"node": name, "interfaces": [{"name": "eth1"}]} for name in ("worker-1", "worker-2")]
    Path("nodes.yaml").write_text("\n---\n".join(json.dumps(node) for node in nodes))

    assert "warn [leases-per-node]" in netattach("lint", "--inventory", "nodes.yaml", "a.yaml")[1]
