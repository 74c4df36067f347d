"""DEL of plugins that cannot do it twice: the pod goes away, its addresses are freed, and nothing is guessed."""

from __future__ import annotations

import pytest

from netattach_core.cni import meta_plugins
from netattach_core.errors import DelegateError
from support.twins import failed
from support.world import World, body

HOST_DEVICE = '{"cniVersion":"1.0.0","type":"host-device","device":"x","ipam":{"type":"host-local","subnet":"10.0.0.0/24"}}'


def _with_host_device() -> World:
    world = World("card")
    nad = {**body("NetworkAttachmentDefinition", "card"), "spec": {"config": HOST_DEVICE}}
    world.store.create(nad)
    world.add()
    world.shim.replies["DEL net1 host-device"] = failed("failed to find net1")
    return world


def test_a_plugin_that_cannot_delete_what_is_gone_keeps_no_pod_from_being_deleted() -> None:
    """C23: the device left the pod, and a crash came before that was noted. Its address is freed by IPAM itself."""
    world = _with_host_device()
    world.links.present.discard("net1")

    world.delete()

    assert ["DEL net1 host-device", "DEL net1 host-local", "DEL eth0 ptp"] == world.shim.words("DEL")
    assert {} == world.ledger.entries


def test_a_plugin_that_fails_while_its_interface_is_there_has_failed() -> None:
    """And so has one whose namespace is gone for all that is known, but whose IPAM fails too."""
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
def test_what_attaches_networks_itself_is_never_run_for_its_addresses(
    ipam: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry of an earlier release may name one; the rest of it is deleted all the same."""
    world = World("card")
    config = HOST_DEVICE.replace("host-local", ipam)
    world.store.create({**body("NetworkAttachmentDefinition", "card"), "spec": {"config": config}})
    with monkeypatch.context() as earlier:
        earlier.setattr(meta_plugins, "find_first", lambda _: None)
        world.add()
    world.shim.replies["DEL net1 host-device"] = failed("failed to find net1")
    world.links.present.discard("net1")

    world.delete()

    assert ["DEL net1 host-device", "DEL eth0 ptp"] == world.shim.words("DEL")
    assert {} == world.ledger.entries


def test_without_a_namespace_there_is_no_interface_either() -> None:
    """The node was rebooted."""
    world = _with_host_device()
    world.shim.netns = None

    world.delete()

    assert {} == world.ledger.entries


def test_a_plugin_of_which_nothing_is_known_has_failed_when_it_says_so() -> None:
    """Its state may be elsewhere."""
    world = World("a,b")
    world.add()
    world.links.present = {"lo"}
    world.shim.replies["DEL net2 bridge"] = failed("no iptables")

    with pytest.raises(DelegateError, match="no iptables"):
        world.delete()
