"""What the probe attaches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netattach_core.api.inventory import TRIED_LINK_KINDS
from netattach_core.attach import probe_network
from netattach_core.errors import NotReadyError

PROGRAM = Path(__file__).parents[4] / "plugin/shim/probe/probe.c"


@pytest.mark.parametrize(
    ("kinds", "type_"),
    [
        (TRIED_LINK_KINDS, "macvlan"),
        (("bridge", "ipvlan", "veth"), "ipvlan"),
        (("bridge", "veth"), "bridge"),
    ],
    ids=["all", "without macvlan", "what every node has"],
)
def test_a_network_is_attached_for_which_the_kernel_has_links(kinds: tuple[str, ...], type_: str) -> None:
    network = probe_network.network(kinds)

    (plugin,) = json.loads(network.config_text)["plugins"]
    assert type_ == plugin["type"]
    assert "ipam" not in plugin


@pytest.mark.parametrize("kinds", [(), ("veth",), ("macvlan",), ("bond", "vrf")])
def test_a_kernel_without_any_is_reported(kinds: tuple[str, ...]) -> None:
    with pytest.raises(NotReadyError, match="install a kernel or kernel modules with veth and macvlan"):
        probe_network.network(kinds)


def test_the_program_calls_with_the_same_container_id() -> None:
    assert f'"CNI_CONTAINERID", "{probe_network.CONTAINER_ID}"' in PROGRAM.read_text()
