"""The engine over twins of its ports: order, undo, ledger, and what the runtime is told."""

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


def test_a_plain_pod_costs_no_api_call_on_its_way() -> None:
    """Its status is written off its path; it starts while the API is away."""
    world = World()
    world.store.unreachable = True

    result = world.add()

    assert ["ADD eth0 ptp"] == world.shim.words("ADD")
    assert ("0.3.1", "eth0") == (result["cniVersion"], result["interfaces"][0]["name"])
    assert {} == world.status.delivered
    assert '"name": "cbr0"' in world.status.later["test/p"]


def test_the_default_network_first_and_the_others_at_once() -> None:
    """S99, and the time of one instead of the sum."""
    world = World("a,b")

    world.add()

    assert ["ADD eth0 ptp", "ADD net1 macvlan", "ADD net2 bridge"] == world.shim.words("ADD")
    assert 2 == world.shim.most_at_once


def test_the_status_names_every_network() -> None:
    """It is awaited for a pod that asked for networks."""
    world = World("a,b@data")

    world.add()

    status = json.loads(world.status.delivered["test/p"])
    assert [("cbr0", "eth0"), ("test/a", "net1"), ("test/b", "data")] == [
        (s["name"], s["interface"]) for s in status
    ]


def test_where_the_runtime_hands_over_no_annotations_the_pod_is_looked_up() -> None:
    """Runtimes that do not know the capability."""
    world = World("a", hands_over_annotations=False)

    world.add()

    assert ["ADD net1 macvlan"] == world.shim.words("ADD")[1:]


def test_a_pod_that_does_not_exist_is_no_success() -> None:
    """Multus answers with an invented address (S93)."""
    world = World("a", hands_over_annotations=False)
    world.store.create(body("Pod", "p", uid="another"))

    with pytest.raises(
        NotFoundError, match="pod test/p: it does not exist in the API, or not under the UID 'u1'"
    ):
        world.add()
    assert [] == world.shim.asked


def test_the_ledger_is_written_before_the_first_plugin_runs() -> None:
    """The write-ahead rule: what may exist is known before it does."""
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
def test_what_can_be_known_to_fail_fails_before_anything_is_touched(annotation: str, message: str) -> None:
    """No plugin has run, nothing is in the ledger."""
    world = World(annotation)

    with pytest.raises(NetattachError, match=r".") as failure:
        world.add()

    assert failure.value.message.startswith(message)
    assert ([], {}) == (world.shim.asked, world.ledger.entries)


def test_a_nad_without_a_configuration_is_found_on_the_node() -> None:
    """S5."""
    world = World("empty")
    world.networks.named = {"empty": Network("empty", '{"type":"bridge","name":"empty"}', "empty", "/x.conf")}

    world.add()

    assert ["ADD net1 bridge"] == world.shim.words("ADD")[1:]
    assert "test/empty" == json.loads(world.status.delivered["test/p"])[1]["name"]


def test_a_failing_network_undoes_all_in_reverse() -> None:
    """S101; the message says which pod, which network, what the plugin said."""
    world = World("a,b")
    world.shim.replies["ADD net2 bridge"] = failed("no room")

    with pytest.raises(DelegateError) as failure:
        world.add()

    assert "pod test/p: ADD of network test/b (net2): plugin bridge failed: no room" == failure.value.message
    assert {"DEL net1 macvlan", "DEL net2 bridge"} == set(world.shim.words("DEL")[:2])
    assert "DEL eth0 ptp" == world.shim.words("DEL")[2]
    assert ({}, {}) == (world.ledger.entries, world.status.delivered)


def test_after_a_failing_default_network_no_other_is_begun_nor_deleted() -> None:
    """C60: a DEL without an ADD may fail for ever, or remove what is not ours (C20)."""
    world = World("a")
    world.shim.replies["ADD eth0 ptp"] = failed("no")

    with pytest.raises(DelegateError):
        world.add()

    assert ["ADD eth0 ptp", "DEL eth0 ptp"] == [str(ask) for ask in world.shim.asked]


def test_an_undo_that_fails_leaves_its_network_in_the_ledger() -> None:
    """The DEL that follows finds it there, and only it."""
    world = World("a,b")
    world.shim.replies |= {"ADD net2 bridge": failed("no"), "DEL net1 macvlan": failed("busy")}

    with pytest.raises(DelegateError) as failure:
        world.add()

    assert "not undone yet" in failure.value.details
    assert ["net1"] == [a.ifname for a in world.ledger.entries["c1"].attachments]
    assert Phase.DELETING == world.ledger.entries["c1"].phase


def test_an_interface_that_is_there_already_is_left_alone() -> None:
    """C20: neither ADD nor DEL is asked of the plugin."""
    world = World("a")
    world.links.present.add("net1")

    with pytest.raises(
        NetattachError, match="pod test/p: network test/a: the pod has an interface 'net1' already"
    ):
        world.add()

    assert ([], {}) == (world.shim.asked, world.ledger.entries)


def test_when_the_runtime_gives_up_all_is_undone() -> None:
    """The networks were attached, but nobody will hear of it."""
    world = World("a")

    def give_up(_: object) -> Ran:
        world.shim.given_up.set()
        return _ran()

    world.shim.replies["ADD eth0 ptp"] = give_up

    with pytest.raises(TryAgainError, match="the runtime gave up"):
        world.add()

    assert ["ADD eth0 ptp", "DEL eth0 ptp"] == [str(ask) for ask in world.shim.asked]
    assert {} == world.ledger.entries


def test_when_the_runtime_gives_up_at_the_very_end_all_is_undone() -> None:
    """While the status was written; nobody hears the answer."""
    world = World("a")

    world.status.on_delivery = world.shim.given_up.set

    with pytest.raises(TryAgainError, match="the runtime gave up"):
        world.add()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.words("DEL")
    assert {} == world.ledger.entries


def test_a_defect_in_one_step_cuts_off_no_other_and_is_undone() -> None:
    """As a failure is; the runtime hears of it."""
    world = World("a,b")

    def explode(_: object) -> Ran:
        raise RuntimeError("oops")

    world.shim.replies["ADD net1 macvlan"] = explode

    with pytest.raises(DelegateError, match="a defect in netattach"):
        world.add()

    assert {"DEL net1 macvlan", "DEL net2 bridge", "DEL eth0 ptp"} == set(world.shim.words("DEL"))
    assert {} == world.ledger.entries


def test_a_plugin_that_prints_nothing_has_not_succeeded() -> None:
    """The pod would run without the network that it asked for."""
    world = World("a")
    world.shim.replies["ADD net1 macvlan"] = lambda _: Ran(1, Outcome.EXITED, 0, b"", b"")

    with pytest.raises(DelegateError, match="plugin macvlan printed no result"):
        world.add()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.words("DEL")


def test_a_ledger_that_cannot_be_written_stops_the_add_before_it_begins() -> None:
    """A full disk leaves nothing behind."""
    world = World("a")
    world.ledger.fail_on_save = frozenset({1})

    with pytest.raises(NetattachError, match="the ledger cannot be written"):
        world.add()

    assert [] == world.shim.asked


def test_a_ledger_that_fills_up_during_the_add_undoes_it() -> None:
    """What could not be noted is not kept."""
    world = World("a")
    world.ledger.fail_on_save = frozenset({2})

    with pytest.raises(NetattachError, match="the ledger cannot be written"):
        world.add()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.words("DEL")
    assert {} == world.ledger.entries


def test_delete_goes_by_the_ledger_and_not_by_the_nad() -> None:
    """A NAD that was changed or deleted in between changes nothing (Multus frees nothing then)."""
    world = World("a")
    world.add()
    world.store.objects = {}
    world.store.unreachable = True

    world.delete()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.words("DEL")
    assert [json.loads(MACVLAN)["master"]] == [
        a.stdin["master"] for a in world.shim.asked if str(a) == "DEL net1 macvlan"
    ]
    assert {} == world.ledger.entries


def test_delete_twice_is_success() -> None:
    """C24; the second one goes to the default network, whose plugin knows what is gone."""
    world = World("a")
    world.add()
    world.delete()

    world.delete()

    assert ["DEL net1 macvlan", "DEL eth0 ptp", "DEL eth0 ptp"] == world.shim.words("DEL")
    assert {} == world.ledger.entries


def test_a_delete_that_fails_says_so_and_keeps_what_is_left() -> None:
    """S102, S103; and its text has no words that containerd takes for success."""
    world = World("a,b")
    world.add()
    world.shim.replies["DEL net1 macvlan"] = failed("Link not found: no such file or directory")

    with pytest.raises(DelegateError) as failure:
        world.delete()

    assert (
        "not found" in failure.value.message
    )  # the server takes the words out of everything that it answers to DEL
    assert ["net1"] == [a.ifname for a in world.ledger.entries["c1"].attachments]
    del world.shim.replies["DEL net1 macvlan"]
    world.delete()
    assert {} == world.ledger.entries


def test_an_add_that_was_never_finished_is_undone_before_the_next() -> None:
    """It was reported as failed: the daemon died in the middle of it."""
    world = World("a")
    world.add()
    world.ledger.entries["c1"] = dataclasses.replace(world.ledger.entries["c1"], phase=Phase.ADDING)
    world.shim.asked.clear()
    world.links.present = {"lo"}

    world.add()

    assert ["DEL net1 macvlan", "DEL eth0 ptp", "ADD eth0 ptp", "ADD net1 macvlan"] == [
        str(a) for a in world.shim.asked
    ]


def test_a_second_add_without_a_delete_is_refused() -> None:
    """C22."""
    world = World("a")
    world.add()

    with pytest.raises(NetattachError, match="attached already"):
        world.add()


def test_check_asks_every_network() -> None:
    """Multus checks none (its CHECK is a no-op)."""
    world = World("a")
    world.add()

    world.check()

    assert ["CHECK eth0 ptp", "CHECK net1 macvlan"] == world.shim.words("CHECK")


def test_check_without_an_add_fails() -> None:
    """C50."""
    with pytest.raises(NotFoundError):
        World().check()


def test_without_a_namespace_nothing_can_be_attached() -> None:
    """The runtime's path leads nowhere."""
    world = World()
    world.shim.netns = None

    with pytest.raises(EnvironmentVariableError, match="CNI_NETNS /n: there is no network namespace"):
        world.add()


def test_an_answer_that_cannot_be_told_undoes_the_add() -> None:
    """A default network without addresses, and a conf of ours from before results could do without (R4)."""
    world = World("a")
    world.cni_version = "0.2.0"
    world.shim.replies["ADD eth0 ptp"] = lambda _: _ran()

    with pytest.raises(VersionError, match="no valid IP addresses"):
        world.add()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.words("DEL")
    assert ({}, {}) == (world.ledger.entries, world.status.delivered)


def _ran() -> Ran:
    return Ran(1, Outcome.EXITED, 0, b'{"cniVersion":"1.0.0"}', b"")


def test_a_pod_is_told_of_each_interface_in_multus_words() -> None:
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


@pytest.mark.parametrize("hands_over_annotations", [True, False])
def test_a_pod_is_told_why_it_got_none(hands_over_annotations: bool) -> None:  # noqa: FBT001  # a table's column
    """The same words as the runtime's."""
    world = World("unknown", hands_over_annotations=hands_over_annotations)

    with pytest.raises(NotFoundError) as refused:
        world.add()

    assert {"test/p": [refused.value.message]} == world.events.failures
    assert {} == world.events.added_to


def test_a_plain_pod_has_no_events() -> None:
    """A node that boots has many, all failing until its default network is there, and the kubelet tells that already."""
    world = World()

    world.add()
    assert {} == world.events.added_to
    world.delete()
    world.networks.default = None
    with pytest.raises(TryAgainError):
        world.add()
    assert {} == world.events.failures
