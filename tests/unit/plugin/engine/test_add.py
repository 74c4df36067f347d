"""ADD over twins of the ports: order, undo, ledger, result, status."""

from __future__ import annotations

import dataclasses
import json

import pytest

from netattach_core.attach.attachment import Network
from netattach_core.attach.sandbox import Phase
from netattach_core.errors import (
    DelegateError,
    EnvironmentVariableError,
    NetattachError,
    NotFoundError,
    TryAgainError,
    VersionError,
)
from netattach_core.shim.protocol import Outcome, Ran
from support.twins import failed
from support.world import MACVLAN, World, body


def test_a_pod_without_secondary_networks_costs_no_request_before_it_starts() -> None:
    """Its status is written afterwards; it starts while the API cannot be reached."""
    world = World()
    world.store.unreachable = True

    result = world.add()

    assert ["ADD eth0 ptp"] == world.shim.ran("ADD")
    assert ("0.3.1", "eth0") == (result["cniVersion"], result["interfaces"][0]["name"])
    assert {} == world.status.written
    assert '"name": "cbr0"' in world.status.enqueued["test/p"]


def test_the_default_network_first_and_the_others_concurrently() -> None:
    """Kubernetes Network Plumbing Working Group spec, section 6.2: the default network before any other."""
    world = World("a,b")

    world.add()

    assert ["ADD eth0 ptp", "ADD net1 macvlan", "ADD net2 bridge"] == world.shim.ran("ADD")
    assert 2 == world.shim.most_concurrent


def test_the_status_names_every_network() -> None:
    """It is awaited for a pod that asked for networks."""
    world = World("a,b@data")

    world.add()

    status = json.loads(world.status.written["test/p"])
    assert [("cbr0", "eth0"), ("test/a", "net1"), ("test/b", "data")] == [
        (s["name"], s["interface"]) for s in status
    ]


def test_without_annotations_in_the_call_the_pod_is_read_from_the_api() -> None:
    """For runtimes without the capability."""
    world = World("a", hands_over_annotations=False)

    world.add()

    assert ["ADD net1 macvlan"] == world.shim.ran("ADD")[1:]


def test_a_pod_that_does_not_exist_is_no_success() -> None:
    """Multus returns an invented result (multus.go: CmdAdd)."""
    world = World("a", hands_over_annotations=False)
    world.store.create(body("Pod", "p", uid="another"))

    with pytest.raises(
        NotFoundError, match="pod test/p: it does not exist in the API, or not under the UID 'u1'"
    ):
        world.add()
    assert [] == world.shim.runs


def test_the_ledger_is_written_before_the_first_plugin_runs() -> None:
    """Whatever a crash leaves is in the ledger."""
    world = World("a")
    seen: list[Phase] = []

    def look(_: object) -> Ran:
        seen.append(world.ledger.entries["c1"].phase)
        return _ran()

    world.shim.replies["ADD eth0 ptp"] = look

    world.add()

    assert [Phase.ADDING] == seen
    assert Phase.ADDED == world.ledger.entries["c1"].phase
    assert [MACVLAN] == [a.config_text for a in world.ledger.entries["c1"].attachments[1:]]


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (
            "nothing",
            "pod test/p: network test/nothing: there is no NetworkAttachmentDefinition 'nothing' in namespace 'test'",
        ),
        ("a,broken", "pod test/p: network test/broken: line 1, column 2: the text ends too early"),
        (
            "empty",
            "pod test/p: network test/empty: its config is empty, and no file of this node has that name",
        ),
        ("a b", "pod test/p: annotation k8s.v1.cni.cncf.io/networks: `a b` is not a network"),
    ],
)
def test_what_cannot_succeed_fails_before_anything_is_started(annotation: str, message: str) -> None:
    """No plugin has run, nothing is in the ledger."""
    world = World(annotation)

    with pytest.raises(NetattachError, match=r".") as failure:
        world.add()

    assert failure.value.message.startswith(message)
    assert ([], {}) == (world.shim.runs, world.ledger.entries)


def test_a_nad_with_an_empty_config_uses_the_file_of_its_name() -> None:
    """Kubernetes Network Plumbing Working Group spec, section 3.2."""
    world = World("empty")
    world.networks.named = {"empty": Network("empty", '{"type":"bridge","name":"empty"}', "empty", "/x.conf")}

    world.add()

    assert ["ADD net1 bridge"] == world.shim.ran("ADD")[1:]
    assert "test/empty" == json.loads(world.status.written["test/p"])[1]["name"]


def test_a_failing_network_undoes_all_in_reverse() -> None:
    """The message names the pod, the network and the interface, and has the plugin's own message."""
    world = World("a,b")
    world.shim.replies["ADD net2 bridge"] = failed("no room")

    with pytest.raises(DelegateError) as failure:
        world.add()

    assert "pod test/p: ADD of network test/b (net2): plugin bridge failed: no room" == failure.value.message
    assert {"DEL net1 macvlan", "DEL net2 bridge"} == set(world.shim.ran("DEL")[:2])
    assert "DEL eth0 ptp" == world.shim.ran("DEL")[2]
    assert ({}, {}) == (world.ledger.entries, world.status.written)


def test_after_a_failing_default_network_no_other_is_started_nor_deleted() -> None:
    """A DEL without an ADD may fail for ever, or remove an interface that the plugin did not create."""
    world = World("a")
    world.shim.replies["ADD eth0 ptp"] = failed("no")

    with pytest.raises(DelegateError):
        world.add()

    assert ["ADD eth0 ptp", "DEL eth0 ptp"] == [str(run) for run in world.shim.runs]


def test_an_undo_that_fails_leaves_its_network_in_the_ledger() -> None:
    """The next DEL finds that network there, and no other one."""
    world = World("a,b")
    world.shim.replies |= {"ADD net2 bridge": failed("no"), "DEL net1 macvlan": failed("busy")}

    with pytest.raises(DelegateError) as failure:
        world.add()

    assert "not undone yet" in failure.value.details
    assert ["net1"] == [a.ifname for a in world.ledger.entries["c1"].attachments]
    assert Phase.DELETING == world.ledger.entries["c1"].phase


def test_an_interface_that_exists_already_is_left_alone() -> None:
    """Neither ADD nor DEL of the plugin is run: its DEL would remove the interface."""
    world = World("a")
    world.links.present.add("net1")

    with pytest.raises(
        NetattachError, match="pod test/p: network test/a: the pod has an interface 'net1' already"
    ):
        world.add()

    assert ([], {}) == (world.shim.runs, world.ledger.entries)


def test_a_cancelled_add_is_undone() -> None:
    """The default network was attached, but the runtime does not wait for the result."""
    world = World("a")

    def cancel(_: object) -> Ran:
        world.shim.cancellation.set()
        return _ran()

    world.shim.replies["ADD eth0 ptp"] = cancel

    with pytest.raises(TryAgainError, match="the runtime cancelled the call"):
        world.add()

    assert ["ADD eth0 ptp", "DEL eth0 ptp"] == [str(run) for run in world.shim.runs]
    assert {} == world.ledger.entries


def test_an_add_that_is_cancelled_at_its_end_is_undone() -> None:
    """While the status was written."""
    world = World("a")

    world.status.on_write = world.shim.cancellation.set

    with pytest.raises(TryAgainError, match="the runtime cancelled the call"):
        world.add()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.ran("DEL")
    assert {} == world.ledger.entries


def test_an_internal_error_in_one_step_stops_no_other_and_is_undone() -> None:
    """As any failure; the runtime gets it as an error."""
    world = World("a,b")

    def explode(_: object) -> Ran:
        raise RuntimeError("oops")

    world.shim.replies["ADD net1 macvlan"] = explode

    with pytest.raises(DelegateError, match="internal error"):
        world.add()

    assert {"DEL net1 macvlan", "DEL net2 bridge", "DEL eth0 ptp"} == set(world.shim.ran("DEL"))
    assert {} == world.ledger.entries


def test_a_plugin_that_returns_nothing_has_not_succeeded() -> None:
    """The pod would run without a network that it selects."""
    world = World("a")
    world.shim.replies["ADD net1 macvlan"] = lambda _: Ran(1, Outcome.EXITED, 0, b"", b"")

    with pytest.raises(DelegateError, match="plugin macvlan returned no result"):
        world.add()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.ran("DEL")


def test_a_ledger_that_cannot_be_written_fails_the_add_before_any_plugin_runs() -> None:
    """A full disk: nothing has to be undone."""
    world = World("a")
    world.ledger.fail_on_save = frozenset({1})

    with pytest.raises(NetattachError, match="the ledger cannot be written"):
        world.add()

    assert [] == world.shim.runs


def test_a_ledger_that_fills_up_during_the_add_undoes_it() -> None:
    """What is not in the ledger must not stay attached."""
    world = World("a")
    world.ledger.fail_on_save = frozenset({2})

    with pytest.raises(NetattachError, match="the ledger cannot be written"):
        world.add()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.ran("DEL")
    assert {} == world.ledger.entries


def test_an_add_that_was_never_finished_is_undone_before_the_next() -> None:
    """It was reported as failed: the daemon died during it."""
    world = World("a")
    world.add()
    world.ledger.entries["c1"] = dataclasses.replace(world.ledger.entries["c1"], phase=Phase.ADDING)
    world.shim.runs.clear()
    world.links.present = {"lo"}

    world.add()

    assert ["DEL net1 macvlan", "DEL eth0 ptp", "ADD eth0 ptp", "ADD net1 macvlan"] == [
        str(a) for a in world.shim.runs
    ]


def test_a_second_add_without_a_delete_is_refused() -> None:
    """CNI SPEC, section "ADD": no second ADD for the same container and interface."""
    world = World("a")
    world.add()

    with pytest.raises(NetattachError, match="attached already"):
        world.add()


def test_without_a_namespace_nothing_can_be_attached() -> None:
    """The path of the runtime does not exist."""
    world = World()
    world.shim.netns = None

    with pytest.raises(EnvironmentVariableError, match="CNI_NETNS /n: there is no network namespace"):
        world.add()


def test_the_sockets_of_the_shim_are_used_once() -> None:
    """A second use would receive the responses to the first; an undo looks over a socket of the daemon."""
    world = World("a")
    world.shim.route_sockets = (8, 9)
    world.shim.replies["ADD net1 macvlan"] = failed("disk")
    world.shim.replies["DEL net1 macvlan"] = failed("disk")

    with pytest.raises(NetattachError, match="disk"):
        world.add()

    assert (3, (8, 9)) == world.kernel.entered[0]
    assert {(3, ())} == set(world.kernel.entered[1:])


def test_a_result_that_the_version_of_the_call_cannot_express_undoes_the_add() -> None:
    """A default network without addresses: results before 0.3.0 need one (types/020: convert)."""
    world = World("a")
    world.cni_version = "0.2.0"
    world.shim.replies["ADD eth0 ptp"] = lambda _: _ran()

    with pytest.raises(VersionError, match="no valid IP addresses"):
        world.add()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.ran("DEL")
    assert ({}, {}) == (world.ledger.entries, world.status.written)


def _ran() -> Ran:
    return Ran(1, Outcome.EXITED, 0, b'{"cniVersion":"1.0.0"}', b"")


def test_each_interface_is_an_event_with_the_text_of_multus() -> None:
    """People search for them."""
    world = World("a,b")

    world.add()

    addresses = "[10.0.0.2/24]"
    assert {
        "test/p": [
            f"Add eth0 {addresses} from cbr0",
            f"Add net1 {addresses} from test/a",
            f"Add net2 {addresses} from test/b",
        ]
    } == world.events.added_to
