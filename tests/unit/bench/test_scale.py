"""The objects of `make bench-scale`, and the report on what was measured with them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.objects import NETWORKS, STATUS
from netattach_core.api import inventory, networks_annotation
from netattach_core.text.finding import Severity
from netattach_core.validation.validator import validate
from scale import objects, report
from scale.objects import Size

SIZE = Size(nodes=10, pods=60, networks=40)


def test_each_pod_asks_for_networks_of_its_namespace_that_exist() -> None:
    names = {objects.network_name(number) for number in range(SIZE.networks)}
    asked: set[str] = set()
    for number in range(SIZE.pods):
        body = objects.pod(number, SIZE)
        annotations, namespace = body["metadata"]["annotations"], body["metadata"]["namespace"]
        wanted = ["/".join(each.key) for each in networks_annotation.parse(annotations[NETWORKS], namespace)]
        assert wanted == [each["name"] for each in json.loads(annotations[STATUS])[1:]]
        asked |= set(wanted)

    assert asked == names


def test_the_inventories_count_all_pods_and_are_read_back() -> None:
    pods = networks = 0
    for number in range(SIZE.nodes):
        body = objects.inventory_body(number, "uid", SIZE.attached(number))
        read = inventory.from_dict(body["status"])
        assert read == objects.node_inventory(number, SIZE.attached(number))
        assert read.attached is not None
        pods += read.attached.pods
        networks += sum(each.pods for each in read.attached.networks)

    assert SIZE.pods == pods
    assert sum(len(SIZE.networks_of(number)) for number in range(SIZE.pods)) == networks


def test_no_network_is_refused() -> None:
    nodes = [objects.node_inventory(number, SIZE.attached(number)) for number in range(SIZE.nodes)]
    for number in range(SIZE.networks):
        body = objects.network(number)
        changed = {**body, "spec": {"config": objects.network_config(number, "tuning")}}
        for each in (body, changed):
            denied = [f for f in validate(each, nodes) if f.effective_severity is Severity.DENY]
            assert [] == denied


def test_one_node_of_five_lacks_the_second_interface() -> None:
    has = [
        objects.node_inventory(n, SIZE.attached(n)).interface(objects.SECOND) is not None for n in range(10)
    ]

    assert has == [objects.has_second(number) for number in range(10)]
    assert 8 == sum(has)


def _result(**more: Any) -> dict[str, Any]:
    latency = {"median": 5.0, "p99": 14.0, "max": 20.0}
    change = {"first_seconds": 0.4, "all_seconds": 3.0, "labels_seconds": 1.0}
    return {
        "nodes": 1,
        "pods": 1,
        "networks": 1,
        "memory": {
            "installed": {"operator": [{"resident_kib": 100 * 1024}], "daemon": [{"resident_kib": 1024}] * 2}
        },
        "changed_networks_ms": latency,
        "node_without_eth1": {"networks": 1, "lost": change, "back": change},
        "admission": {
            **dict.fromkeys(("with networks", "without networks"), latency),
            "per_second": {"with networks": 150.0},
        },
        "idle": {"per_minute": 0.0},
        "operator_start": {"serves": 1.0, "ready": 2.0, "validated": 3.0},
        **more,
    }


def test_what_meets_its_target_is_not_missed() -> None:
    assert [] == report.missed(_result())
    assert "MISSED" not in report.text(_result())


@pytest.mark.parametrize(
    "worse",
    [
        {"memory": {"installed": {"daemon": [{"resident_kib": 1024}, {"resident_kib": 81 * 1024}]}}},
        {"changed_networks_ms": {"median": 80.0, "p99": 1001.0}},
        {"idle": {"per_minute": 1.5}},
        {"operator_start": {"failed": "not within 240 s"}},
    ],
)
def test_the_worst_process_and_the_slowest_change_count(worse: dict[str, Any]) -> None:
    assert 1 == len(report.missed(_result(**worse)))
    assert 1 == report.text(_result(**worse)).count("MISSED")
