"""What is known stays the newest, whoever tells it and in which order; and what no one reads is no change."""

from __future__ import annotations

import time
from typing import Any

import pytest

from netattach_operator.keys import Keys
from netattach_operator.view import Objects, View

A, B = ("ns", "a"), ("ns", "b")


def body(name: str = "a", version: int = 1, value: str = "") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "ns", "name": name, "resourceVersion": str(version)},
        "spec": {"config": value},
    }


class Told:
    def __init__(self) -> None:
        self.changes: list[tuple[str, str]] = []
        self.objects: Objects[str] = Objects(lambda one: str(one["spec"]["config"]), self.changes.append)


@pytest.fixture
def told() -> Told:
    return Told()


def test_an_older_state_never_replaces_a_newer_one(told: Told) -> None:
    told.objects.take(body(version=5, value="new"))
    told.objects.take(body(version=4, value="old"))

    assert "new" == told.objects.get(A)
    assert [A] == told.changes


def test_the_same_again_is_no_change(told: Told) -> None:
    told.objects.take(body(version=5, value="x"))
    told.objects.take(body(version=6, value="x"))

    assert [A] == told.changes


def test_a_deleted_object_does_not_come_back_from_a_list_that_was_begun_before(told: Told) -> None:
    told.objects.take(body(version=5))
    told.objects.drop(body(version=7))
    told.objects.take(body(version=5))

    assert told.objects.get(A) is None
    assert [] == list(told.objects)


def test_an_object_made_anew_is_known(told: Told) -> None:
    told.objects.drop(body(version=7))
    told.objects.take(body(version=9, value="x"))

    assert "x" == told.objects.get(A)


def test_a_list_says_what_is_gone_unnoticed(told: Told) -> None:
    told.objects.take(body("a", 5))
    told.objects.take(body("b", 6))

    told.objects.settle({A}, 8)

    assert [A] == list(told.objects)
    assert [A, B, B] == told.changes


def test_a_list_knows_nothing_of_what_is_newer(told: Told) -> None:
    told.objects.take(body("a", 9))

    told.objects.settle(set(), 8)

    assert [A] == list(told.objects)


def inventory(name: str = "n1", version: int = 1, **status: Any) -> dict[str, Any]:
    metadata = {"name": name, "resourceVersion": str(version)}
    return {"metadata": metadata, "status": {"interfaces": [{"name": "eth0"}], **status}}


@pytest.fixture
def view() -> View:
    made = View(Keys(time.monotonic))
    made.nads.take(body())
    return made


def test_nodes_are_told_in_the_order_of_their_names(view: View) -> None:
    for number, name in enumerate(("n3", "n1", "n2"), 1):
        view.inventories.take(inventory(name, number))

    assert ["n1", "n2", "n3"] == [node.node for node in view.nodes or ()]


def test_without_inventories_nothing_is_known_of_nodes(view: View) -> None:
    assert view.nodes is None


def test_an_inventory_that_cannot_be_read_is_none(view: View) -> None:
    view.inventories.take(inventory(interfaces=[{"mtu": 3}]))

    assert view.nodes is None


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        pytest.param({"cniStatus": {"since": "now"}}, 0, id="a heartbeat"),
        pytest.param({"interfaces": [{"name": "eth0", "mac": "0a:00:00:00:00:01"}]}, 0, id="a MAC"),
        pytest.param({"interfaces": [{"name": "eth0", "mtu": 9000}]}, 1, id="an MTU"),
        pytest.param({"interfaces": []}, 1, id="an interface"),
        pytest.param({"plugins": [{"name": "bridge"}]}, 1, id="a plugin"),
        pytest.param(
            {"defaultInterfaces": [{"name": "eth0", "reasons": ["is"]}]},
            1,
            id="what the default interface is",
        ),
    ],
)
def test_only_what_the_validator_reads_is_a_change(view: View, status: dict[str, Any], changes: int) -> None:
    view.inventories.take(inventory(version=2))
    before = view.nodes_version

    view.inventories.take(inventory(version=3, **status))

    assert changes == view.nodes_version - before


def test_another_address_is_no_change_but_the_first_one_is(view: View) -> None:
    """It tells the card of a node from the veth of a pod."""
    versions = []
    for number, addresses in enumerate(([], ["10.0.0.1/24"], ["10.0.0.2/24", "fd00::2/64"]), 2):
        view.inventories.take(inventory(version=number, interfaces=[{"name": "e", "addresses": addresses}]))
        versions.append(view.nodes_version)

    assert [1, 2, 2] == versions


def test_of_a_nad_only_what_is_needed_is_kept() -> None:
    view = View(Keys(time.monotonic))
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}
    full = body()
    full["metadata"] |= {"managedFields": [{}], "annotations": annotations, "uid": "u", "labels": {}}

    view.nads.take(full)

    assert {
        "metadata": {
            "namespace": "ns",
            "name": "a",
            "resourceVersion": "1",
            "uid": "u",
            "annotations": {"a": "b"},
        },
        "spec": {"config": ""},
        "status": {},
    } == view.nads.get(A)
