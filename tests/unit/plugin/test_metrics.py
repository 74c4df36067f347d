"""The daemon's metrics: what authors of networks choose cannot make them many."""

from __future__ import annotations

import pytest

from netattach_plugin import metrics as metrics_module
from netattach_plugin.metrics import OTHER, Metrics

NAME = "netattach_network_call_duration_seconds"


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> Metrics:
    monkeypatch.setattr(metrics_module, "_NETWORKS", 2)
    return Metrics(
        status_writes=lambda: 0,
        ledger_entries=lambda: 0,
        contested=lambda: False,
        calls_waiting=lambda: 3,
        pending_deletes=lambda: 4,
        unmet_pods=lambda: 0,
    )


def calls(metrics: Metrics, network: str, command: str = "ADD", outcome: str = "success") -> float:
    labels = {"network": network, "command": command, "outcome": outcome}
    return metrics.registry.get_sample_value(f"{NAME}_count", labels) or 0


def networks(metrics: Metrics) -> set[str]:
    (family,) = [each for each in metrics.registry.collect() if each.name == NAME]
    return {sample.labels["network"] for sample in family.samples}


def test_networks_above_the_limit_share_one_label(metrics: Metrics) -> None:
    for number in range(10):
        metrics.network("ADD", f"ns/{number}", 0.1, succeeded=True)

    assert {"ns/0", "ns/1", OTHER} == networks(metrics)
    assert 8 == calls(metrics, OTHER)


def test_a_network_that_is_gone_makes_room_for_another(metrics: Metrics) -> None:
    for name in ("ns/a", "ns/b"):
        metrics.network("ADD", name, 0.1, succeeded=True)
        metrics.network("DEL", name, 0.1, succeeded=True)
    metrics.forget_network("ns/a")
    metrics.network("ADD", "ns/c", 0.1, succeeded=True)

    assert {"ns/b", "ns/c"} == networks(metrics)


def test_the_delete_of_a_network_that_is_gone_makes_no_new_series(metrics: Metrics) -> None:
    """Its pods are deleted after it; nobody would forget the network a second time."""
    metrics.network("ADD", "ns/a", 0.1, succeeded=True)
    metrics.forget_network("ns/a")
    metrics.network("DEL", "ns/a", 0.1, succeeded=True)
    metrics.forget_network("ns/a")

    assert {OTHER} == networks(metrics)
    assert 1 == calls(metrics, OTHER, "DEL")


def test_failures_are_counted_apart(metrics: Metrics) -> None:
    metrics.network("ADD", "ns/a", 0.1, succeeded=True)
    metrics.network("ADD", "ns/a", 9, succeeded=False)

    assert (1, 1) == (calls(metrics, "ns/a"), calls(metrics, "ns/a", outcome="failure"))


def test_gauges_are_read_when_they_are_scraped(metrics: Metrics) -> None:
    assert 3 == metrics.registry.get_sample_value("netattach_cni_calls_waiting")
    assert 4 == metrics.registry.get_sample_value("netattach_pending_deletes")


def test_a_command_that_a_caller_invents_is_no_label(metrics: Metrics) -> None:
    metrics.observe("A" * 1000, True, 0.1)

    labels = {"command": "other", "outcome": "success"}
    assert 1 == metrics.registry.get_sample_value("netattach_cni_call_duration_seconds_count", labels)
