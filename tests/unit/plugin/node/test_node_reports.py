"""What the daemon reports of its own work in the inventory."""

from __future__ import annotations

import dataclasses

import pytest

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.node_state import Attached, Probe, UnmetPods
from netattach_plugin.node import node_reports
from netattach_plugin.node.node_reports import NodeReports

NODE = NodeInventory("node1")


class Changes:
    """Counts."""

    def __init__(self, reports: NodeReports) -> None:
        self.count = 0
        reports.changed = self._note

    def _note(self) -> None:
        self.count += 1


@pytest.fixture
def reports() -> NodeReports:
    return NodeReports(lambda: Attached(2), lambda: (Probe("b", succeeded=True), ("veth",)))


def test_what_is_not_known_yet_is_absent(reports: NodeReports) -> None:
    complete = reports.complete(NODE)

    assert (None, None) == (complete.cni_status, complete.unmet_pods)
    assert (Attached(2), ("veth",)) == (complete.attached, complete.link_kinds)
    assert Probe("b", succeeded=True) == complete.probe
    assert NODE == dataclasses.replace(complete, attached=None, link_kinds=None, probe=None)


def test_the_same_response_to_status_changes_nothing(
    reports: NodeReports, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = Changes(reports)
    times = iter(["t1", "t2"])
    monkeypatch.setattr(node_reports, "timestamp", lambda: next(times))

    reports.status(0, "")
    reports.status(0, "")
    assert ("t1", True, 1) == (*_status(reports), changes.count)
    reports.status(51, "half")
    reports.status(51, "half")
    assert ("t2", False, 2) == (*_status(reports), changes.count)


def _status(reports: NodeReports) -> tuple[str, bool]:
    status = reports.complete(NODE).cni_status
    assert status is not None
    return status.time, status.ready


def test_a_plugin_cannot_fill_the_inventory_with_its_message(reports: NodeReports) -> None:
    reports.status(999, "x" * 100_000)

    status = reports.complete(NODE).cni_status
    assert status is not None
    assert 1024 == len(status.message)


def test_only_another_number_of_unmet_pods_is_a_change(reports: NodeReports) -> None:
    changes = Changes(reports)

    reports.unmet(UnmetPods())
    reports.unmet(UnmetPods())
    reports.probe()
    assert (2, UnmetPods()) == (changes.count, reports.complete(NODE).unmet_pods)
