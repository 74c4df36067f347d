"""The index of pods by NAD, and what it reads of a pod."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from netattach_kube.pods_by_nad import PodsByNad, networks_of


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


@given(st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from(["", "a", "a,b", "b,c", "[{", "x/a"]))))
def test_the_index_depends_on_the_last_annotations_only(changes: list[tuple[str, str]]) -> None:
    index, anew = PodsByNad(), PodsByNad()
    for pod, networks in changes:
        index.put(("ns", pod), networks)
    for pod, networks in dict(changes).items():
        anew.put(("ns", pod), networks)

    assert anew._pods == index._pods
    assert anew._nads == index._nads
