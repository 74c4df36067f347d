"""The engine's answer to a call: Events, and the pod in each error."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest

from netattach_core.attach.sandbox import Phase
from netattach_core.cni import request as cni_request
from netattach_core.errors import DelegateError, NotFoundError, NotReadyError, TryAgainError
from support.twins import failed
from support.world import World


@pytest.mark.parametrize("hands_over_annotations", [True, False])
def test_a_failed_add_is_an_event(hands_over_annotations: bool) -> None:  # noqa: FBT001  # a table's column
    """With the message that the runtime gets."""
    world = World("unknown", hands_over_annotations=hands_over_annotations)

    with pytest.raises(NotFoundError) as refused:
        world.add()

    assert {"test/p": [refused.value.message]} == world.events.failures
    assert {} == world.events.added_to


def test_a_pod_without_secondary_networks_has_no_events() -> None:
    """On a booting node all of them fail until the default network is installed, and the kubelet has Events for that."""
    world = World()

    world.add()
    assert {} == world.events.added_to
    world.delete()
    world.networks.default = None
    with pytest.raises(TryAgainError):
        world.add()
    assert {} == world.events.failures


def test_an_error_without_a_pod_names_the_sandbox() -> None:
    """For runtimes outside of Kubernetes."""
    world = World()
    world.networks.default = None
    request = dataclasses.replace(world.request("DEL"), args={})

    with pytest.raises(TryAgainError, match=r"^sandbox c1: no default network yet"):
        asyncio.run(world.engine().call(request, world.shim))


def test_an_error_of_status_names_neither() -> None:
    """It concerns the node."""
    world = World()
    world.networks.default = None
    stdin = json.dumps({"cniVersion": "1.1.0", "name": "netattach", "type": "netattach"})
    request = cni_request.parse({"CNI_COMMAND": "STATUS"}, stdin.encode())

    with pytest.raises(NotReadyError, match=r"^no default network yet"):
        asyncio.run(world.engine().call(request, world.shim))


def test_an_error_of_a_retried_delete_names_the_pod() -> None:
    """Its only reader is the log."""
    world = World()
    world.add()
    world.ledger.entries["c1"] = dataclasses.replace(world.ledger.entries["c1"], phase=Phase.DELETING)
    world.shim.replies["DEL eth0 ptp"] = failed("busy")

    with pytest.raises(DelegateError, match=r"^pod test/p: DEL of network cbr0"):
        asyncio.run(world.engine().retry_delete("c1", world.shim))
