"""CHECK over twins of the ports."""

from __future__ import annotations

import pytest

from netattach_core.errors import NotFoundError
from support.world import World


def test_check_runs_for_every_network() -> None:
    """The CHECK of Multus does nothing."""
    world = World("a")
    world.add()

    world.check()

    assert ["CHECK eth0 ptp", "CHECK net1 macvlan"] == world.shim.ran("CHECK")


def test_check_without_an_add_fails() -> None:
    """CNI SPEC, section "CHECK": not before ADD."""
    with pytest.raises(NotFoundError):
        World().check()
