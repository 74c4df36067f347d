"""The engine and sandboxes that somebody else attached: Multus, or the runtime by the default network alone."""

from __future__ import annotations

import pytest

from netattach_core.attach.attachment import Attachment
from netattach_core.errors import DecodeError, DelegateError
from support.twins import failed
from support.world import World


def _noted(*names_: tuple[str, str]) -> tuple[Attachment, ...]:
    """What somebody else attached: interfaces and plugins, the first of them the default network."""
    return tuple(
        Attachment(plugin, ifname, f'{{"cniVersion":"1.0.0","type":"{plugin}","name":"{plugin}"}}', plugin,
                   default=ifname == "eth0", result='{"cniVersion":"1.0.0"}')
        for ifname, plugin in names_
    )  # fmt: skip  # one value


def test_a_sandbox_that_others_attached_is_detached_as_they_noted() -> None:
    """Multus' networks in reverse, with their results; then nobody is to free them again."""
    world = World()
    world.caches.found = _noted(("eth0", "calico"), ("net1", "bridge"))

    world.delete()

    assert ["DEL net1 bridge", "DEL eth0 calico"] == world.shim.words("DEL")
    assert {"cniVersion": "1.0.0"} == world.shim.asked[0].stdin["prevResult"]
    assert [["eth0", "net1"]] == [[a.ifname for a in each.attachments] for each in world.caches.forgotten]


def test_where_nobody_noted_the_default_network_it_is_todays() -> None:
    """Never a success with nothing done."""
    world = World()
    world.caches.found = _noted(("net1", "bridge"))

    world.delete()

    assert ["DEL net1 bridge", "DEL eth0 ptp"] == world.shim.words("DEL")


def test_a_note_that_cannot_be_read_fails_the_delete() -> None:
    """And nothing is done or forgotten, so that the next DEL, with the file fixed, does it all."""
    world = World()
    world.caches.problem = "the file is broken"

    with pytest.raises(DecodeError, match="pod test/p: the file is broken"):
        world.delete()

    assert ([], []) == (world.shim.asked, world.caches.forgotten)


def test_what_is_left_of_anothers_sandbox_is_in_the_ledger() -> None:
    """From then on it is ours."""
    world = World()
    world.caches.found = _noted(("eth0", "calico"), ("net1", "bridge"))
    world.shim.replies["DEL net1 bridge"] = failed("busy")
    with pytest.raises(DelegateError):
        world.delete()
    del world.shim.replies["DEL net1 bridge"]
    world.caches.found = ()
    world.shim.asked.clear()

    world.delete()

    assert ["DEL net1 bridge"] == world.shim.words("DEL")
    assert {} == world.ledger.entries


def test_a_delete_by_the_ledger_asks_nobody_else() -> None:
    """A directory of three hundred thousand files is not read for each pod (Multus #1488)."""
    world = World("a")
    world.add()
    world.caches.problem = "nobody should look"

    world.delete()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.words("DEL")


def test_check_goes_by_what_others_noted() -> None:
    """A pod made before us goes on being checked."""
    world = World()
    world.caches.found = _noted(("eth0", "calico"), ("net1", "bridge"))

    world.check()

    assert ["CHECK eth0 calico", "CHECK net1 bridge"] == world.shim.words("CHECK")
