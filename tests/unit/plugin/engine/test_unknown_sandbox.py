"""DEL and CHECK of unknown sandboxes: by the caches of Multus and libcni."""

from __future__ import annotations

import pytest

from netattach_core.attach.attachment import Attachment
from netattach_core.errors import DecodeError, DelegateError
from support.twins import failed
from support.world import World


def _cached(*names_: tuple[str, str]) -> tuple[Attachment, ...]:
    """Attachments of these interfaces and plugins; eth0 is the default network."""
    return tuple(
        Attachment(plugin, ifname, f'{{"cniVersion":"1.0.0","type":"{plugin}","name":"{plugin}"}}', plugin,
                   default=ifname == "eth0", result='{"cniVersion":"1.0.0"}')
        for ifname, plugin in names_
    )  # fmt: skip  # one value


def test_an_unknown_sandbox_is_detached_as_cached() -> None:
    """In reverse, with the cached results; then the caches forget it."""
    world = World()
    world.caches.found = _cached(("eth0", "calico"), ("net1", "bridge"))

    world.delete()

    assert ["DEL net1 bridge", "DEL eth0 calico"] == world.shim.ran("DEL")
    assert {"cniVersion": "1.0.0"} == world.shim.runs[0].stdin["prevResult"]
    assert [["eth0", "net1"]] == [[a.ifname for a in each.attachments] for each in world.caches.forgotten]


def test_without_a_cached_default_network_it_is_the_current_one() -> None:
    """A DEL never succeeds without running a plugin."""
    world = World()
    world.caches.found = _cached(("net1", "bridge"))

    world.delete()

    assert ["DEL net1 bridge", "DEL eth0 ptp"] == world.shim.ran("DEL")


def test_a_cache_that_cannot_be_read_fails_the_delete() -> None:
    """Nothing is done or forgotten, so that the next DEL, with the file fixed, does all of it."""
    world = World()
    world.caches.problem = "the file is broken"

    with pytest.raises(DecodeError, match="pod test/p: the file is broken"):
        world.delete()

    assert ([], []) == (world.shim.runs, world.caches.forgotten)


def test_what_fails_of_an_unknown_sandbox_is_in_the_ledger() -> None:
    """The next DEL goes by the ledger."""
    world = World()
    world.caches.found = _cached(("eth0", "calico"), ("net1", "bridge"))
    world.shim.replies["DEL net1 bridge"] = failed("busy")
    with pytest.raises(DelegateError):
        world.delete()
    del world.shim.replies["DEL net1 bridge"]
    world.caches.found = ()
    world.shim.runs.clear()

    world.delete()

    assert ["DEL net1 bridge"] == world.shim.ran("DEL")
    assert {} == world.ledger.entries


def test_a_delete_by_the_ledger_reads_no_cache() -> None:
    """Such a directory may have 300 000 files (Multus issue #1488)."""
    world = World("a")
    world.add()
    world.caches.problem = "must not be read"

    world.delete()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.ran("DEL")


def test_check_goes_by_the_caches() -> None:
    """A pod that is older than netattach is checked too."""
    world = World()
    world.caches.found = _cached(("eth0", "calico"), ("net1", "bridge"))

    world.check()

    assert ["CHECK eth0 calico", "CHECK net1 bridge"] == world.shim.ran("CHECK")
