"""STATUS and GC over twins."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any

import pytest

from netattach_core.attach.attachment import Network
from netattach_core.attach.sandbox import Phase
from netattach_core.cni import request as cni_request
from netattach_core.cni.request import CniRequest
from netattach_core.errors import DelegateError, NetattachError, NotReadyError
from netattach_core.shim.protocol import Outcome, Ran
from netattach_plugin.engine.engine import Engine
from support.twins import FakeShim, PluginRun
from support.world import World, body

PRIMARY = '{"cniVersion":"1.1.0","name":"cbr0","plugins":[{"type":"ptp"},{"type":"portmap"}]}'
LAN = '{"cniVersion":"1.1.0","name":"lan","type":"macvlan","master":"eth1"}'
LAN_TOO = '{"cniVersion":"1.1.0","name":"lan","type":"macvlan","master":"eth2"}'


def _world(primary: str = PRIMARY, annotation: str = "a,lan,lan2") -> World:
    world = World(annotation)
    world.networks.default = Network("cbr0", primary, "cbr0")
    for name, config in (("lan", LAN), ("lan2", LAN_TOO)):
        nad = {**body("NetworkAttachmentDefinition", name), "spec": {"config": config}}
        world.store.create(nad)
    return world


def _call(verb: str, **config: Any) -> CniRequest:
    stdin = {"cniVersion": "1.1.0", "name": "netattach", "type": "netattach", **config}
    return cni_request.parse({"CNI_COMMAND": verb, "CNI_PATH": "/p"}, json.dumps(stdin).encode())


def _status(world: World) -> None:
    asyncio.run(world.engine().call(_call("STATUS"), world.shim))


def _collect(world: World, *listed: tuple[str, str], engine: Engine | None = None) -> None:
    valid = [{"containerID": container_id, "ifname": ifname} for container_id, ifname in listed]
    call = _call("GC", **{"cni.dev/valid-attachments": valid})
    asyncio.run((engine or world.engine()).call(call, world.shim))


def _answered(status: int, **error: Any) -> Ran:
    return Ran(1, Outcome.EXITED, status, json.dumps(error).encode(), b"")


def test_status_runs_the_plugins_of_the_default_network_and_no_others() -> None:
    """A secondary network must not make the node NotReady."""
    world = _world()

    _status(world)

    assert ["STATUS eth0 ptp", "STATUS eth0 portmap"] == [
        f"{run.verb} eth0 {run.plugin}" for run in world.shim.runs
    ]
    assert {("1.1.0", "cbr0")} == {(run.stdin["cniVersion"], run.stdin["name"]) for run in world.shim.runs}


def test_a_default_network_before_1_1_0_is_ready() -> None:
    """STATUS came with CNI 1.1.0."""
    world = _world('{"cniVersion":"1.0.0","name":"cbr0","type":"ptp"}')

    _status(world)

    assert [] == world.shim.runs


@pytest.mark.parametrize(
    ("ran", "code"),
    [
        (_answered(1, code=51, msg="limited"), 51),
        (_answered(1, code=50, msg="limited"), 50),
        (Ran(1, Outcome.NOT_FOUND, 0, b"", b""), 50),
        (Ran(1, Outcome.EXITED, 2, b"", b"panic"), 50),
    ],
)
def test_a_default_network_that_is_not_ready_keeps_its_code(ran: Ran, code: int) -> None:
    """Multus loses the code. A plugin without an answer is not available."""
    world = _world()
    world.shim.replies["STATUS  ptp"] = lambda _: ran

    with pytest.raises(NotReadyError, match="the default network cbr0 is not ready") as refused:
        _status(world)

    assert code == refused.value.code
    assert ["ptp"] == [run.plugin for run in world.shim.runs]


def test_a_node_without_a_default_network_is_not_ready() -> None:
    """Code 50; no plugin is run."""
    world = _world()
    world.networks.default = None

    with pytest.raises(NotReadyError) as refused:
        _status(world)

    assert (50, []) == (refused.value.code, world.shim.runs)


def test_gc_gives_each_network_its_valid_attachments() -> None:
    """By its name, over all configs of that name; the runtime's own list has eth0 only."""
    world = _world()
    world.add()
    world.shim.runs.clear()

    _collect(world, ("c9", "eth0"))

    collected = {
        (run.plugin, str(run.stdin["name"]), run.stdin.get("master")): run.stdin for run in world.shim.runs
    }
    primary = [_named("c9", "eth0"), _named("c1", "eth0")]
    lan = [_named("c1", "net2"), _named("c1", "net3")]
    assert {
        ("ptp", "cbr0", None): primary,
        ("portmap", "cbr0", None): primary,
        ("macvlan", "lan", "eth1"): lan,
        ("macvlan", "lan", "eth2"): lan,
    } == {key: stdin["cni.dev/valid-attachments"] for key, stdin in collected.items()}
    assert all(
        stdin["cni.dev/attachments"] == stdin["cni.dev/valid-attachments"] for stdin in collected.values()
    )
    assert {"GC"} == {run.verb for run in world.shim.runs}


def test_gc_skips_networks_that_disable_it() -> None:
    """`disableGC`, and configs before 1.1.0."""
    world = _world('{"cniVersion":"1.1.0","name":"cbr0","type":"ptp","disableGC":true}', "a")
    world.add()
    world.shim.runs.clear()

    _collect(world)

    assert [] == world.shim.runs


def test_gc_goes_on_after_a_failure_and_reports_all() -> None:
    """CNI SPEC, section "GC"."""
    world = _world()
    world.add()
    world.shim.runs.clear()
    world.shim.replies |= dict.fromkeys(
        ("GC  ptp", "GC  macvlan"), lambda _: _answered(1, code=999, msg="no")
    )

    with pytest.raises(DelegateError) as failure:
        _collect(world)

    assert 4 == len(world.shim.runs)
    assert ["GC of network cbr0", "GC of network test/lan", "GC of network test/lan2"] == [
        part.partition(":")[0] for part in failure.value.message.split("; ")
    ]


def test_gc_collects_nothing_while_an_entry_cannot_be_read() -> None:
    """It may be a pod that runs."""
    world = _world()
    world.ledger.broken = {"c7"}

    with pytest.raises(NetattachError, match="what sandbox c7 has cannot be read"):
        _collect(world)

    assert [] == world.shim.runs


def test_the_attachments_of_a_concurrent_add_are_valid() -> None:
    """Also while its entry in the ledger is being written."""
    world = _world(annotation="lan")
    engine = world.engine()
    seen: list[object] = []

    def look(run: PluginRun) -> Ran:
        seen.append(run.stdin["cni.dev/valid-attachments"])
        return Ran(1, Outcome.EXITED, 0, b"", b"")

    world.shim.replies |= {"GC  ptp": look}

    async def story() -> None:
        saving, saved = asyncio.Event(), asyncio.Event()
        save = world.ledger.save

        async def slow_save(sandbox: Any) -> None:
            saving.set()
            await saved.wait()
            await save(sandbox)

        world.ledger.save = slow_save  # type: ignore[method-assign]  # a slow disk
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engine.call(world.request("ADD"), world.shim))
            await saving.wait()
            await engine.call(_call("GC"), FakeShim(world.links, replies=world.shim.replies))
            saved.set()

    asyncio.run(story())

    assert [[_named("c1", "eth0")]] == seen


def test_an_add_starts_after_the_gc() -> None:
    """CNI SPEC, section "GC": not concurrently with ADD. Its leases would be in no list."""
    world = _world(annotation="")
    engine = world.engine()

    async def story() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engine.call(_call("GC"), world.shim))
            await asyncio.sleep(0)
            tasks.create_task(engine.call(world.request("ADD"), world.shim))

    asyncio.run(story())

    assert ["GC", "GC", "ADD"] == [run.verb for run in world.shim.runs]


def test_sandboxes_that_are_being_detached_are_valid() -> None:
    """Their own DEL frees them, with their own config."""
    world = _world(annotation="lan")
    world.add()
    world.ledger.entries["c1"] = dataclasses.replace(world.ledger.entries["c1"], phase=Phase.DELETING)
    world.shim.runs.clear()

    _collect(world)

    assert [_named("c1", "net1")] == world.shim.runs[-1].stdin["cni.dev/valid-attachments"]


def _named(container_id: str, ifname: str) -> dict[str, str]:
    return {"containerID": container_id, "ifname": ifname}
