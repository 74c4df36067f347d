"""The NADs that a pod asks for."""

import pytest

from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from netattach_core.api.objects import Key
from netattach_kube import requested_networks


@pytest.mark.parametrize(
    ("networks", "default", "expected"),
    [
        ("a, other/b@net7, a", "", {("ns", "a"), ("other", "b")}),
        ("", "", set()),
        ("a, other/b@net7", "own", {("infra", "own"), ("ns", "a"), ("other", "b")}),
        ("", '[{"name":"own","namespace":"other"}]', {("other", "own")}),
        ("[{", "own", {("infra", "own")}),
        ("a", "[{", {("ns", "a")}),
        ("[{", "[{", set()),
    ],
)
def test_another_default_network_counts_as_a_network_of_the_pod(
    networks: str, default: str, expected: set[Key]
) -> None:
    annotations = {NETWORKS: networks, DEFAULT_NETWORK: default}
    body = {"metadata": {"namespace": "ns", "name": "pod", "annotations": annotations}}

    assert expected == requested_networks.of_pod(body, "infra")


def test_a_pod_without_annotations_asks_for_nothing() -> None:
    assert frozenset() == requested_networks.of_pod({"metadata": {"namespace": "ns", "name": "pod"}}, "infra")
