"""The index of pods by NAD, and what it reads of a pod."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORK_STATUS, NETWORKS
from netattach_kube.pods_by_nad import PodsByNad, attached_to, networks_of


def test_a_pod_is_found_under_each_network_that_it_asks_for() -> None:
    index = PodsByNad()

    assert {("ns", "a"), ("other", "b")} == index.put(("ns", "pod"), "a, other/b@net7")
    assert [("ns", "pod")] == index.pods(("other", "b"))
    assert 1 == index.count(("ns", "a"))


def test_a_change_returns_only_the_networks_that_it_affects() -> None:
    index = PodsByNad()
    index.put(("ns", "pod"), "a,b")

    assert {("ns", "a"), ("ns", "c")} == index.put(("ns", "pod"), "b,c")
    assert 0 == index.count(("ns", "a"))


def test_one_pod_twice_in_one_network_counts_once() -> None:
    index = PodsByNad()
    index.put(("ns", "pod"), "a,a")

    assert 1 == index.count(("ns", "a"))


def test_an_invalid_annotation_asks_for_nothing() -> None:
    index = PodsByNad()
    index.put(("ns", "pod"), "a")

    assert {("ns", "a")} == index.put(("ns", "pod"), "[{")


@pytest.mark.parametrize(
    ("networks", "default", "expected"),
    [
        ("a, other/b@net7", "", "a, other/b@net7"),
        ("", "", None),
        ("a, other/b@net7", "own", "infra/own,ns/a,other/b"),
        ("", '[{"name":"own","namespace":"other"}]', "other/own"),
        ("[{", "own", "infra/own"),
        ("a", "[{", "ns/a"),
        ("[{", "[{", None),
    ],
)
def test_another_default_network_counts_as_a_network_of_the_pod(
    networks: str, default: str, expected: str | None
) -> None:
    annotations = {NETWORKS: networks, DEFAULT_NETWORK: default}
    body = {"metadata": {"namespace": "ns", "name": "pod", "annotations": annotations}}

    assert expected == networks_of(body, "infra")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param([{"name": "cbr0"}], None, id="the default network alone"),
        pytest.param(
            [{"name": "cbr0"}, {"name": "ns/a"}, {"name": "other/b.c"}], "ns/a,other/b.c", id="NADs"
        ),
        pytest.param([{"name": "ns/a"}, {"name": "ns/a"}], "ns/a", id="one network with two interfaces"),
        pytest.param([{"name": "ns/a,x/y"}, {"name": "N/a"}, {"name": "ns/"}], None, id="no names of NADs"),
        pytest.param([{"name": 3}, "ns/a", None, {"interface": "/"}], None, id="no names at all"),
        pytest.param({"name": "ns/a"}, None, id="no list"),
    ],
)
def test_the_networks_that_a_pod_is_attached_to(status: Any, expected: str | None) -> None:
    assert expected == attached_to(_with_status(json.dumps(status)))


def test_a_pod_counts_for_as_many_networks_as_it_may_ask_for() -> None:
    found = attached_to(_with_status(json.dumps([{"name": f"ns/{n}"} for n in range(9000)])))

    assert 500 == len((found or "").split(","))


@pytest.mark.parametrize("text", ["", "ns/a", "[/", "[" * 9000 + "/"])
def test_a_status_that_is_not_json_is_no_attachment(text: str) -> None:
    """Whoever may write the pod may write that."""
    assert attached_to(_with_status(text)) is None


def test_a_pod_without_annotations_is_attached_to_nothing() -> None:
    assert attached_to({"metadata": {"namespace": "ns", "name": "pod"}}) is None


def _with_status(text: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": "pod", "annotations": {NETWORK_STATUS: text}}}


@given(st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from(["", "a", "a,b", "b,c", "[{", "x/a"]))))
def test_the_index_depends_on_the_last_annotations_only(changes: list[tuple[str, str]]) -> None:
    index, anew = PodsByNad(), PodsByNad()
    for pod, networks in changes:
        index.put(("ns", pod), networks)
    for pod, networks in dict(changes).items():
        anew.put(("ns", pod), networks)

    assert anew._pods == index._pods
    assert anew._nads == index._nads
