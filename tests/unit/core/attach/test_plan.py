"""The plan: what waits for what."""

from __future__ import annotations

import json

import pytest

from netattach_core.attach import plan
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.plan import Plan

BRIDGE = '{"cniVersion":"0.4.0","type":"bridge"}'
MACVLAN = '{"cniVersion":"0.4.0","type":"macvlan","master":"eth1"}'
CHAIN = '{"cniVersion":"0.4.0","name":"c","plugins":[{"type":"bridge"},{"type":"tuning"},{"type":"portmap"}]}'
ORDERED = {
    "an unknown plugin": '{"type":"somebodys"}',
    "an unknown IPAM": '{"type":"macvlan","ipam":{"type":"somebodys"}}',
    "a link whose master stands in the pod": '{"type":"macvlan","linkInContainer":true}',
    "one that sets routes": '{"type":"macvlan","ipam":{"type":"static","routes":[{"dst":"0.0.0.0/0"}]}}',
    "one that is to be the default gateway": '{"type":"bridge","isDefaultGateway":true}',
    "a chain with a plugin that changes routes": '{"plugins":[{"type":"macvlan"},{"type":"sbr"}]}',
}


def _attachments(*confs: str, result: str = "") -> list[Attachment]:
    default = Attachment("cbr0", "eth0", CHAIN, "cbr0", default=True, result=result)
    others = (
        Attachment(f"d/n{i}", f"net{i}", conf, f"n{i}", result=result)
        for i, conf in enumerate(confs, start=1)
    )
    return [default, *others]


def _waits(made: Plan) -> dict[str, tuple[tuple[str, ...], ...]]:
    return {step.id: (step.needs, step.after, step.after_links) for step in made.steps}


def test_the_default_network_comes_first_and_its_chain_in_order() -> None:
    """S99, C45."""
    made = plan.add(_attachments(MACVLAN))

    assert {
        "eth0/0": ((), (), ()),
        "eth0/1": (("eth0/0",), (), ()),
        "eth0/2": (("eth0/1",), (), ()),
        "net1/0": ((), ("eth0/2",), ()),
    } == _waits(made)
    assert made.halt


def test_independent_networks_run_at_once_and_make_their_links_in_order() -> None:
    """Each waits for the default network, and for the link of the one before it, not for its end."""
    made = _waits(plan.add(_attachments(MACVLAN, CHAIN, BRIDGE)))

    assert ((), ("eth0/2",), ()) == made["net1/0"]
    assert ((), ("eth0/2",), ("net1/0",)) == made["net2/0"]
    assert ((), ("eth0/2",), ("net2/0",)) == made["net3/0"]


@pytest.mark.parametrize("conf", ORDERED.values(), ids=ORDERED)
def test_what_is_not_proven_independent_keeps_its_turn(conf: str) -> None:
    """It waits for all before it, and all after it wait for it."""
    made = _waits(plan.add(_attachments(MACVLAN, BRIDGE, conf, MACVLAN)))
    last_of_ordered = [step for step in made if step.startswith("net3/")][-1]

    assert ((), ("eth0/2", "net1/0", "net2/0"), ()) == made["net3/0"]
    assert ((), (last_of_ordered,), ()) == made["net4/0"]


def test_on_delete_the_default_network_comes_last_and_chains_run_backwards() -> None:
    """C48, C83; and a failure keeps no other network from being deleted."""
    made = plan.delete(_attachments(MACVLAN, BRIDGE))

    assert {
        "net2/0": ((), (), ()),
        "net1/0": ((), (), ()),
        "eth0/2": ((), ("net2/0", "net1/0"), ()),
        "eth0/1": (("eth0/2",), (), ()),
        "eth0/0": (("eth0/1",), (), ()),
    } == _waits(made)
    assert not made.halt


def test_on_delete_a_dependent_goes_before_what_it_may_stand_on() -> None:
    """A bond is gone before its links are."""
    made = _waits(plan.delete(_attachments(MACVLAN, BRIDGE, ORDERED["an unknown plugin"], MACVLAN)))

    assert ((), ("net4/0",), ()) == made["net3/0"]
    assert ((), ("net4/0", "net3/0"), ()) == made["net1/0"] == made["net2/0"]


def test_on_delete_every_plugin_gets_the_final_result() -> None:
    """C48; the configuration is the one of ADD."""
    made = plan.delete(_attachments(MACVLAN, result='{"cniVersion":"0.4.0"}'))

    assert all({"cniVersion": "0.4.0"} == json.loads(step.stdin)["prevResult"] for step in made.steps)


def test_before_0_4_0_there_is_no_result_on_delete() -> None:
    """C48: the older plugins do not know it there."""
    old = MACVLAN.replace("0.4.0", "0.3.1")

    assert "prevResult" not in plan.delete(_attachments(old, result="{}")).steps[0].stdin


def test_on_delete_what_never_ran_is_left_out() -> None:
    """C60: neither a network that was not begun nor the rest of a chain."""
    made = _waits(plan.delete(_attachments(MACVLAN, BRIDGE), begun={"eth0/0", "eth0/1", "net1/0"}))

    assert {"net1/0": ((), (), ()), "eth0/1": ((), ("net1/0",), ()), "eth0/0": (("eth0/1",), (), ())} == made


def test_check_asks_those_who_know_the_verb() -> None:
    """C79, C6."""
    old, silent = (
        MACVLAN.replace("0.4.0", "0.3.1"),
        '{"cniVersion":"1.0.0","type":"bridge","disableCheck":true}',
    )

    made = plan.check(_attachments(old, silent, MACVLAN, result="{}"))

    assert ["eth0/0", "eth0/1", "eth0/2", "net3/0"] == [step.id for step in made.steps]


def test_arguments_start_with_ignore_unknown() -> None:
    """Every reference plugin refuses a variable that it does not know, unless told not to."""
    attachment = Attachment(
        "n", "net1", MACVLAN, "n", default=True, args={"K8S_POD_NAME": "p", "IgnoreUnknown": "true"}
    )

    assert "IgnoreUnknown=1;K8S_POD_NAME=p" == plan.add([attachment]).steps[0].args
