"""Plugins without anything to do over twins of the ports: which programs a call starts."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from netattach_core.attach.attachment import Network
from netattach_core.attach.sandbox import Phase
from netattach_core.errors import DelegateError, NetattachError
from support.twins import failed, succeeded
from support.world import World, body

CHAIN = (
    '{"cniVersion":"1.0.0","name":"cbr0","plugins":[{"type":"ptp"},'
    '{"type":"portmap","capabilities":{"portMappings":true}},{"type":"bandwidth","capabilities":{"bandwidth":true}}]}'
)
TUNED = (
    '{"cniVersion":"1.0.0","name":"t","plugins":[{"type":"macvlan"},{"type":"portmap"},{"type":"tuning"}]}'
)
MAPPINGS = [{"hostPort": 80, "containerPort": 80, "protocol": "tcp"}]


@pytest.fixture
def world() -> World:
    """Its default network ends with portmap and bandwidth."""
    world = World()
    world.networks.default = Network("cbr0", CHAIN, "cbr0")
    return world


def test_they_are_started_neither_on_add_nor_on_delete(world: World) -> None:
    world.add()
    world.delete()

    assert ["ADD eth0 ptp", "DEL eth0 ptp"] == [str(run) for run in world.shim.runs]
    assert {} == world.ledger.entries


def test_the_result_before_them_is_passed_on() -> None:
    """To the next plugin as prevResult, and to the runtime."""
    world = World("t")
    world.store.create({**body("NetworkAttachmentDefinition", "t"), "spec": {"config": TUNED}})

    world.add()

    macvlan, tuning = (run for run in world.shim.runs if run.ifname == "net1")
    assert ["macvlan", "tuning"] == [macvlan.plugin, tuning.plugin]
    assert tuning.stdin["prevResult"] == json.loads(succeeded(macvlan).stdout)


@pytest.mark.parametrize(
    ("offered", "started"),
    [
        ({"portMappings": MAPPINGS}, ["portmap"]),
        ({"bandwidth": {"ingressRate": 8000, "ingressBurst": 8000}}, ["bandwidth"]),
    ],
    ids=str,
)
def test_what_a_pod_needs_is_started_and_deleted(
    world: World, offered: dict[str, Any], started: list[str]
) -> None:
    """DEL goes by what ADD had to do, and not by what the runtime gives it."""
    world.offered = offered
    world.add()
    world.offered = {}
    world.delete()

    assert [f"ADD eth0 {plugin}" for plugin in ["ptp", *started]] == world.shim.ran("ADD")
    assert [f"DEL eth0 {plugin}" for plugin in [*started, "ptp"]] == world.shim.ran("DEL")


def test_check_starts_them(world: World) -> None:
    """bandwidth looks for the node's end of the veth pair, with limits or without."""
    world.add()
    world.check()

    assert ["CHECK eth0 ptp", "CHECK eth0 portmap", "CHECK eth0 bandwidth"] == world.shim.ran("CHECK")


def test_they_are_started_where_the_settings_say_so(world: World) -> None:
    world.skip_idle_plugins = False
    world.add()
    world.delete()

    assert ["ADD eth0 ptp", "ADD eth0 portmap", "ADD eth0 bandwidth"] == world.shim.ran("ADD")
    assert ["DEL eth0 bandwidth", "DEL eth0 portmap", "DEL eth0 ptp"] == world.shim.ran("DEL")


def test_delete_of_a_sandbox_whose_add_is_unknown_starts_all(world: World) -> None:
    """Attached by another meta-plugin, perhaps with limits, of which the call says nothing."""
    world.delete()

    assert ["DEL eth0 bandwidth", "DEL eth0 portmap", "DEL eth0 ptp"] == world.shim.ran("DEL")


def test_so_does_the_delete_after_one_that_failed(world: World) -> None:
    """The entry that it left is made from the call."""
    world.shim.replies["DEL eth0 bandwidth"] = failed("busy")
    with pytest.raises(DelegateError):
        world.delete()
    del world.shim.replies["DEL eth0 bandwidth"]
    world.delete()

    assert ["DEL eth0 bandwidth"] * 2 == [run for run in world.shim.ran("DEL") if "bandwidth" in run]
    assert {} == world.ledger.entries


def test_so_does_the_add_that_finds_such_an_entry(world: World) -> None:
    """It undoes it first."""
    world.add()
    entry = world.ledger.entries["c1"]
    world.ledger.entries["c1"] = dataclasses.replace(entry, phase=Phase.DELETING)
    world.links.present.discard("eth0")
    world.add()

    assert ["DEL eth0 bandwidth", "DEL eth0 portmap", "DEL eth0 ptp"] == world.shim.ran("DEL")


def test_delete_of_an_unreadable_entry_starts_all(world: World) -> None:
    world.ledger.broken.add("c1")
    world.delete()

    assert ["DEL eth0 bandwidth", "DEL eth0 portmap", "DEL eth0 ptp"] == world.shim.ran("DEL")


def test_a_failed_add_is_undone_without_them() -> None:
    """They are steps of the plan that were begun."""
    world = World("a")
    world.networks.default = Network("cbr0", CHAIN, "cbr0")
    world.shim.replies["ADD net1 macvlan"] = failed("no such link")
    with pytest.raises(NetattachError):
        world.add()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.ran("DEL")
    assert {} == world.ledger.entries
