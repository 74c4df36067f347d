"""The plan: the dependencies of its steps."""

from __future__ import annotations

import dataclasses
import json

import pytest

from netattach_core.attach import plan
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.plan import Carrier, Plan

BRIDGE = '{"cniVersion":"0.4.0","type":"bridge"}'
MACVLAN = '{"cniVersion":"0.4.0","type":"macvlan","master":"eth1"}'
CHAIN = '{"cniVersion":"0.4.0","name":"c","plugins":[{"type":"bridge"},{"type":"tuning"},{"type":"portmap"}]}'
ROUTED = '{"cniVersion":"0.4.0","type":"macvlan","master":"eth1","ipam":{"type":"static","routes":[{"dst":"0.0.0.0/0"}]}}'
ORDERED = {
    "an unknown plugin": '{"type":"somebodys"}',
    "an unknown IPAM": '{"type":"macvlan","ipam":{"type":"somebodys"}}',
    "a link with a master in the pod": '{"type":"macvlan","linkInContainer":true}',
    "a network with routes": '{"type":"macvlan","ipam":{"type":"static","routes":[{"dst":"0.0.0.0/0"}]}}',
    "a default gateway": '{"type":"bridge","isDefaultGateway":true}',
    "a chain with a plugin that changes routes": '{"plugins":[{"type":"macvlan"},{"type":"sbr"}]}',
}


def _attachments(*confs: str, result: str = "") -> list[Attachment]:
    default = Attachment("cbr0", "eth0", CHAIN, "cbr0", default=True, result=result)
    others = (
        Attachment(f"d/n{i}", f"net{i}", config, f"n{i}", result=result)
        for i, config in enumerate(confs, start=1)
    )
    return [default, *others]


def _waits(made: Plan) -> dict[str, tuple[tuple[str, ...], ...]]:
    return {step.id: (step.needs, step.after, step.after_links) for step in made.steps}


def test_the_default_network_comes_first_and_its_chain_in_order() -> None:
    """CNI SPEC, section 3, and Kubernetes Network Plumbing Working Group spec, section 6.2."""
    made = plan.add(_attachments(MACVLAN))

    assert {
        "eth0/0": ((), (), ()),
        "eth0/1": (("eth0/0",), (), ()),
        "eth0/2": (("eth0/1",), (), ()),
        "net1/0": ((), ("eth0/2",), ()),
    } == _waits(made)
    assert made.halt


def test_independent_networks_run_concurrently_and_create_their_links_in_order() -> None:
    """Each waits for the default network, and for the link of the previous one, not for its end."""
    made = _waits(plan.add(_attachments(MACVLAN, CHAIN, BRIDGE)))

    assert ((), ("eth0/2",), ()) == made["net1/0"]
    assert ((), ("eth0/2",), ("net1/0",)) == made["net2/0"]
    assert ((), ("eth0/2",), ("net2/0",)) == made["net3/0"]


@pytest.mark.parametrize("config", ORDERED.values(), ids=ORDERED)
def test_a_network_that_may_depend_on_others_runs_alone(config: str) -> None:
    """It waits for all before it, and all after it wait for it."""
    made = _waits(plan.add(_attachments(MACVLAN, BRIDGE, config, MACVLAN)))
    last_of_ordered = [step for step in made if step.startswith("net3/")][-1]

    assert ((), ("eth0/2", "net1/0", "net2/0"), ()) == made["net3/0"]
    assert ((), (last_of_ordered,), ()) == made["net4/0"]


def test_on_delete_independent_networks_run_concurrently_and_chains_backwards() -> None:
    """The default network too. A failure prevents no other deletion."""
    made = plan.delete(_attachments(MACVLAN, BRIDGE))

    assert {
        "net2/0": ((), (), ()),
        "net1/0": ((), (), ()),
        "eth0/2": ((), (), ()),
        "eth0/1": (("eth0/2",), (), ()),
        "eth0/0": (("eth0/1",), (), ()),
    } == _waits(made)
    assert not made.halt


def test_on_delete_a_default_network_that_may_depend_on_others_comes_last() -> None:
    """As one of a plugin that netattach does not know."""
    unknown = dataclasses.replace(_attachments()[0], config_text='{"name":"c","type":"somebodys"}')

    made = _waits(plan.delete([unknown, *_attachments(MACVLAN, ROUTED)[1:]]))

    assert ((), ("net2/0", "net1/0"), ()) == made["eth0/0"]
    assert ((), (), ()) == made["net1/0"], "what is deleted sets no routes"


def test_on_delete_a_dependent_network_precedes_those_it_may_depend_on() -> None:
    """A bond is deleted before its links."""
    made = _waits(plan.delete(_attachments(MACVLAN, BRIDGE, ORDERED["an unknown plugin"], MACVLAN)))

    assert ((), ("net4/0",), ()) == made["net3/0"]
    assert ((), ("net4/0", "net3/0"), ()) == made["net1/0"] == made["net2/0"]


def test_on_delete_every_plugin_gets_the_final_result() -> None:
    """With the configuration of ADD."""
    made = plan.delete(_attachments(MACVLAN, result='{"cniVersion":"0.4.0"}'))

    assert all({"cniVersion": "0.4.0"} == json.loads(step.stdin)["prevResult"] for step in made.steps)


def test_before_0_4_0_there_is_no_result_on_delete() -> None:
    """Older plugins do not support it there."""
    old = MACVLAN.replace("0.4.0", "0.3.1")

    assert "prevResult" not in plan.delete(_attachments(old, result="{}")).steps[0].stdin


def test_on_delete_plugins_that_never_ran_are_left_out() -> None:
    """Networks that were not started, and the rest of a chain: such a plugin may fail on DEL forever."""
    made = _waits(plan.delete(_attachments(MACVLAN, BRIDGE), begun={"eth0/0", "eth0/1", "net1/0"}))

    assert {"net1/0": ((), (), ()), "eth0/1": ((), (), ()), "eth0/0": (("eth0/1",), (), ())} == made


def test_check_runs_plugins_that_support_it() -> None:
    """From cniVersion 0.4.0, without `disableCheck`."""
    old, silent = (
        MACVLAN.replace("0.4.0", "0.3.1"),
        '{"cniVersion":"1.0.0","type":"bridge","disableCheck":true}',
    )

    made = plan.check(_attachments(old, silent, MACVLAN, result="{}"))

    assert ["eth0/0", "eth0/1", "eth0/2", "net3/0"] == [step.id for step in made.steps]


def test_arguments_start_with_ignore_unknown() -> None:
    """Without it every reference plugin refuses unknown arguments."""
    attachment = Attachment(
        "n", "net1", MACVLAN, "n", default=True, args={"K8S_POD_NAME": "p", "IgnoreUnknown": "true"}
    )

    assert "IgnoreUnknown=1;K8S_POD_NAME=p" == plan.add([attachment]).steps[0].args


def test_idle_plugins_are_not_started_and_keep_their_place_in_the_plan() -> None:
    """On ADD and DEL alike; CHECK starts them all, and so does a call without `skip_idle`."""
    attachments = _attachments(result='{"cniVersion":"0.4.0"}')

    assert ["plugin", "plugin", "nothing"] == _carriers(plan.add(attachments, skip_idle=True))
    assert ["nothing", "plugin", "plugin"] == _carriers(plan.delete(attachments, skip_idle=True))
    for made in (plan.add(attachments), plan.delete(attachments), plan.check(attachments)):
        assert {"plugin"} == set(_carriers(made))
    assert _waits(plan.add(attachments)) == _waits(plan.add(attachments, skip_idle=True))


def test_a_plugin_with_something_to_do_is_started() -> None:
    """Where it declares the capability; the others of its chain may be idle."""
    text = CHAIN.replace('"portmap"', '"portmap","capabilities":{"portMappings":true}')
    offered = {"portMappings": [{"hostPort": 80, "containerPort": 80}]}
    attachment = Attachment("cbr0", "eth0", text, "cbr0", default=True, runtime_config=offered)

    assert {"plugin"} == set(_carriers(plan.add([attachment], skip_idle=True)))
    assert {"plugin"} == set(_carriers(plan.delete([attachment], skip_idle=True)))


def _carriers(made: Plan) -> list[str]:
    return [step.carrier for step in made.steps]


NATIVE = {"macvlan"}


def _batches(made: Plan) -> dict[str, str]:
    return {step.id: step.batch for step in made.steps if step.carrier is Carrier.NATIVE}


def test_a_driver_replaces_a_plugin_only_where_it_may_and_understands_the_config() -> None:
    """A step of a driver has the recipe, all others are for programs."""
    strange = MACVLAN.replace("eth1", 'eth1","flavour":"x')
    made = plan.add(_attachments(MACVLAN, strange, BRIDGE), native=NATIVE)

    assert {"net1/0": "net1/0"} == _batches(made)
    assert ["net1/0"] == [step.id for step in made.steps if step.recipe is not None]
    assert {} == _batches(plan.add(_attachments(MACVLAN)))


def test_native_networks_in_a_row_are_one_batch() -> None:
    """It creates its links in their order, so only its first one waits for the link before it."""
    made = plan.add(_attachments(MACVLAN, MACVLAN, BRIDGE, MACVLAN, MACVLAN), native=NATIVE)

    assert {"net1/0": "net1/0", "net2/0": "net1/0", "net4/0": "net4/0", "net5/0": "net4/0"} == _batches(made)
    assert [("eth0/0",), ("eth0/0",), ("net2/0",), ("net3/0",), ("net3/0",)] == [
        step.after_links for step in made.steps if step.ifname != "eth0"
    ]


def test_a_native_network_that_others_may_depend_on_is_a_batch_of_its_own() -> None:
    """Its routes are there before anything else is created."""
    made = plan.add(_attachments(MACVLAN, ROUTED, MACVLAN), native=NATIVE)

    assert {"net1/0": "net1/0", "net2/0": "net2/0", "net3/0": "net3/0"} == _batches(made)
    assert [(), ("eth0/2", "net1/0"), ("net2/0",)] == [step.after for step in made.steps[3:]]


def test_on_delete_a_driver_deletes_what_a_driver_has_created() -> None:
    """All that may be deleted at the same time in one batch; what a program has created is for the program."""
    attachments = _attachments(MACVLAN, MACVLAN, ROUTED, MACVLAN)
    attached = plan.with_native(attachments, plan.add(attachments, native=NATIVE))
    mixed = [*attached[:4], dataclasses.replace(attached[4], native=())]

    assert [(), (0,), (0,), (0,), ()] == [each.native for each in mixed]
    assert dict.fromkeys(("net3/0", "net2/0", "net1/0"), "net3/0") == _batches(
        plan.delete(mixed, native=NATIVE)
    )
    assert {} == _batches(plan.delete(mixed, native=set()))


def test_what_a_driver_has_only_moved_into_the_pod_is_detached_by_its_program() -> None:
    """The program moves it back; nobody else deletes it."""
    device = '{"cniVersion":"0.4.0","type":"host-device","device":"eth1"}'
    attachments = _attachments(device, MACVLAN)
    native = {"host-device", "macvlan"}
    attached = plan.with_native(attachments, plan.add(attachments, native=native))

    assert [(), (0,), (0,)] == [each.native for each in attached]
    made = plan.delete(attached, native=native)
    assert {"net1/0": "plugin", "net2/0": "native"} == {
        step.id: step.carrier for step in made.steps if step.ifname != "eth0"
    }


PORTMAP = '{"type":"portmap","capabilities":{"portMappings":true}}'
IDLE = f'{{"cniVersion":"1.0.0","name":"cbr0","plugins":[{{"type":"bridge"}},{PORTMAP}]}}'
BOTH = frozenset({"bridge", "macvlan"})


def _after_default(config: str, *others: str) -> list[Attachment]:
    return [Attachment("cbr0", "eth0", config, "cbr0", default=True), *_attachments(*others)[1:]]


def test_a_default_network_that_a_driver_does_alone_is_in_the_batch_of_the_networks_after_it() -> None:
    """portmap has nothing to do: the others need not wait for it, and it waits for its own network only."""
    made = plan.add(_after_default(IDLE, MACVLAN, BRIDGE, ROUTED), skip_idle=True, native=BOTH)

    waits = _waits(made)
    assert {"eth0/0": "eth0/0", "net1/0": "eth0/0", "net2/0": "eth0/0", "net3/0": "net3/0"} == _batches(made)
    assert ((), (), ()) == waits["net1/0"]
    assert (("eth0/0",), (), ()) == waits["eth0/1"]
    assert ("eth0/1", "net1/0", "net2/0") == waits["net3/0"][1]
    assert ["eth0/0", "eth0/1", "net1/0", "net2/0", "net3/0"] == [step.id for step in made.steps]


def test_programs_and_drivers_after_a_program_wait_for_a_native_default_network() -> None:
    strange = '{"cniVersion":"1.0.0","type":"macvlan","master":"eth1","unknown":1}'
    waits = _waits(plan.add(_after_default(IDLE, strange, MACVLAN), skip_idle=True, native=BOTH))

    assert ((), ("eth0/1",), ()) == waits["net1/0"]
    assert ((), ("eth0/1",), ("net1/0",)) == waits["net2/0"]


def test_drivers_wait_for_the_link_of_a_default_network_not_for_its_end() -> None:
    """Whether a program creates it, or the chain goes on with one."""
    by_program = plan.add(_after_default(IDLE, MACVLAN), native={"macvlan"})
    going_on = plan.add(_after_default(IDLE, MACVLAN), native=BOTH)

    assert ((), (), ("eth0/0",)) == _waits(by_program)["net1/0"]
    assert {"eth0/0": "eth0/0", "net1/0": "eth0/0"} == _batches(going_on)


@pytest.mark.parametrize("kind", ["calico", "sbr"])
def test_drivers_wait_for_the_end_of_a_default_network_that_may_change_the_pod(kind: str) -> None:
    unknown = f'{{"cniVersion":"1.0.0","name":"d","plugins":[{{"type":"{kind}"}}]}}'

    made = plan.add(_after_default(unknown, MACVLAN), native=BOTH)

    assert ((), ("eth0/0",), ()) == _waits(made)["net1/0"]


@pytest.mark.parametrize(
    ("tuned", "waits_for"),
    [
        ('{"net.ipv4.conf.IFNAME.rp_filter":"1"}', ()),
        ('{"net.ipv4.conf.default.rp_filter":"1"}', ("eth0/1",)),
        ("null", ("eth0/1",)),
    ],
)
@pytest.mark.parametrize("key", ["sysctl", "Sysctl"])
def test_drivers_wait_for_a_tuning_of_what_their_interfaces_get_too(
    key: str, tuned: str, waits_for: tuple[str, ...]
) -> None:
    """Whether its program runs or its driver."""
    tuning = f'{{"type":"tuning","{key}":{tuned}}}'
    chain = f'{{"cniVersion":"1.0.0","name":"d","plugins":[{{"type":"bridge"}},{tuning}]}}'

    for native in ({"macvlan"}, {"macvlan", "bridge", "tuning"}):
        assert waits_for == _waits(plan.add(_after_default(chain, MACVLAN), native=native))["net1/0"][1]


def test_a_tuning_by_its_driver_is_in_the_batch_of_its_interface_and_has_nothing_to_delete() -> None:
    """And so does the chain after it: on DEL all interfaces go at once."""
    native = {"macvlan", "tuning"}
    tuned = f'{{"cniVersion":"1.0.0","plugins":[{MACVLAN},{{"type":"tuning","mtu":1400}},{{"type":"sbr"}}]}}'
    attachments = _after_default(CHAIN, MACVLAN, tuned)
    planned = plan.add(attachments, native=native)
    attached = plan.with_native(attachments, planned)
    deletion = plan.delete(attached, native=native)

    assert {"net1/0": "net1/0", "net2/0": "net2/0", "net2/1": "net2/0"} == _batches(planned)
    assert [(), (0,), (0, 1)] == [each.native for each in attached]
    assert Carrier.NOTHING is next(step.carrier for step in deletion.steps if step.id == "net2/1")


def test_on_delete_the_program_restores_what_the_program_has_tuned() -> None:
    """An update may bring the driver meanwhile."""
    tuned = f'{{"cniVersion":"1.0.0","plugins":[{MACVLAN},{{"type":"tuning","mtu":1400}}]}}'
    attachments = _after_default(CHAIN, tuned)
    attached = plan.with_native(attachments, plan.add(attachments, native={"macvlan"}))
    deletion = plan.delete(attached, native={"macvlan", "tuning"})

    carriers = {step.id: step.carrier for step in deletion.steps}
    assert (Carrier.PLUGIN, Carrier.NATIVE) == (carriers["net1/1"], carriers["net1/0"])


def test_on_delete_a_chain_whose_last_plugins_do_nothing_joins_the_others() -> None:
    attachments = _after_default(IDLE, MACVLAN)
    attached = plan.with_native(attachments, plan.add(attachments, skip_idle=True, native=BOTH))

    assert {"net1/0": "net1/0", "eth0/0": "net1/0"} == _batches(
        plan.delete(attached, skip_idle=True, native=BOTH)
    )
    assert {"net1/0": "net1/0", "eth0/0": "eth0/0"} == _batches(plan.delete(attached, native=BOTH))
