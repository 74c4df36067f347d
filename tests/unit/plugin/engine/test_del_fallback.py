"""DEL of plugins that fail on a second DEL: the pod can be deleted, and its addresses are freed."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from netattach_core.attach.sandbox import Phase
from netattach_core.cni import meta_plugins
from netattach_core.errors import DelegateError
from support.twins import failed
from support.world import World, body

HOST_DEVICE = '{"cniVersion":"1.0.0","type":"host-device","device":"x","ipam":{"type":"host-local","subnet":"10.0.0.0/24"}}'


def _with_host_device() -> World:
    world = World("nic")
    nad = {**body("NetworkAttachmentDefinition", "nic"), "spec": {"config": HOST_DEVICE}}
    world.store.create(nad)
    world.add()
    world.shim.replies["DEL net1 host-device"] = failed("failed to find net1")
    return world


def test_a_plugin_that_fails_without_its_interface_keeps_no_pod_from_being_deleted() -> None:
    """The device has left the pod, and a crash came before the ledger was written. The IPAM plugin frees the address."""
    world = _with_host_device()
    world.links.present.discard("net1")

    world.delete()

    assert ["DEL net1 host-device", "DEL net1 host-local", "DEL eth0 ptp"] == world.shim.ran("DEL")
    assert {} == world.ledger.entries


def test_a_plugin_that_fails_while_its_interface_exists_has_failed() -> None:
    """Also without the interface, where the IPAM plugin fails."""
    world = _with_host_device()
    world.links.present.add("net1")
    with pytest.raises(DelegateError, match="failed to find net1"):
        world.delete()

    world.links.present.discard("net1")
    world.shim.replies["DEL net1 host-local"] = failed("disk")
    with pytest.raises(DelegateError, match="disk"):
        world.delete()

    assert ["net1"] == [each.ifname for each in world.ledger.entries["c1"].attachments]


@pytest.mark.parametrize("ipam", ["netattach", "multus", "multus-shim"])
def test_a_meta_plugin_is_never_run_as_ipam(ipam: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry of an earlier release may name one; the other plugins are run."""
    world = World("nic")
    config = HOST_DEVICE.replace("host-local", ipam)
    world.store.create({**body("NetworkAttachmentDefinition", "nic"), "spec": {"config": config}})
    with monkeypatch.context() as earlier:
        earlier.setattr(meta_plugins, "find_first", lambda _: None)
        world.add()
    world.shim.replies["DEL net1 host-device"] = failed("failed to find net1")
    world.links.present.discard("net1")

    world.delete()

    assert ["DEL net1 host-device", "DEL eth0 ptp"] == world.shim.ran("DEL")
    assert {} == world.ledger.entries


def test_without_a_namespace_there_is_no_interface() -> None:
    """The node was rebooted."""
    world = _with_host_device()
    world.shim.netns = None

    world.delete()

    assert {} == world.ledger.entries


def test_a_repeated_delete_looks_into_its_own_namespace(tmp_path: Path) -> None:
    """Not into that of the shim, which is another pod's."""
    world = _with_host_device()
    entry = world.ledger.entries["c1"]
    (tmp_path / "netns").touch()
    world.ledger.entries["c1"] = dataclasses.replace(
        entry, netns=str(tmp_path / "netns"), phase=Phase.DELETING
    )
    world.links.present.discard("net1")
    world.kernel.entered.clear()

    asyncio.run(world.engine().retry_delete("c1", world.shim))

    assert {} == world.ledger.entries
    ((netns, _),) = world.kernel.entered
    assert world.shim.netns != netns


def test_other_plugins_have_no_fallback() -> None:
    """They may keep state elsewhere."""
    world = World("a,b")
    world.add()
    world.links.present = {"lo"}
    world.shim.replies["DEL net2 bridge"] = failed("no iptables")

    with pytest.raises(DelegateError, match="no iptables"):
        world.delete()
