"""The NADs that a new pod is attached to."""

from __future__ import annotations

import pytest

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS, SKIP_DEFAULT_NETWORKS
from netattach_core.mutation import pod_networks

SETTINGS = SelectionSettings(defaults=("storage", "20-backup.conf"), namespace="networks")
ISOLATED = SelectionSettings(isolated=True)


def keys(settings: SelectionSettings = SETTINGS, **annotations: str) -> list[str]:
    names = {"networks": NETWORKS, "default": DEFAULT_NETWORK, "skip": SKIP_DEFAULT_NETWORKS}
    body = {"metadata": {"annotations": {names[name]: text for name, text in annotations.items()}}}
    return ["/".join(key) for key in pod_networks.of_pod(body, "shop", settings)]


def test_default_network_default_networks_and_the_requested_ones() -> None:
    """Each attachment once; a network that only nodes have as a file is no NAD."""
    assert ["networks/main", "networks/storage", "shop/a", "other/b", "shop/a"] == keys(
        default="main", networks="a,other/b@x,a"
    )
    assert ["shop/a"] == keys(networks='[{"name": "a"}]', skip="true")


@pytest.mark.parametrize("text", ["a,,b", "[{", '[{"name": 5}]', "A_b", "x" * 70_000, "[" * 60_000], ids=len)
def test_an_annotation_that_cannot_be_parsed_has_none(text: str) -> None:
    assert [] == keys(networks=f"a,{text}")
    assert [] == keys(networks="a", default=text)


def test_networks_that_the_namespace_may_not_use_reveal_nothing() -> None:
    """Not even through another network of the same pod."""
    assert ["shop/a", "default/b"] == keys(ISOLATED, networks="a,default/b")
    assert [] == keys(ISOLATED, networks="a,secret/b")
    assert [] == keys(ISOLATED, networks="a", default="secret/b")
