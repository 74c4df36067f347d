"""Policy at ADD: what is refused, by which namespace's policy, in which words, and what it costs those that request nothing."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import pytest

from netattach_core.api import nad
from netattach_core.api.networks_annotation import DEFAULT_NETWORK
from netattach_core.errors import NetattachError, PolicyError, TryAgainError
from netattach_core.policy import networks
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level, Limits
from netattach_core.text import finding_line
from netattach_plugin.engine import policy_gate
from netattach_plugin.engine.policy_gate import PolicyGate
from support.policy_twins import FixedPolicies, FixedSurroundings
from support.world import World, body

LIMITS = Limits(plugins_per_network=2, networks_per_pod=2)
TOO_MANY = "policy-too-many-plugins"


def policy(
    namespace: str, enforce: Level = Level.BASELINE, warn: Level = Level.PRIVILEGED, **more: Any
) -> NamespacePolicy:
    return NamespacePolicy(namespace, enforce, warn, limits=LIMITS, **more)


def chain(count: int) -> str:
    plugins = [{"type": "bridge"}, *({"type": "tuning"} for _ in range(count - 1))]
    return json.dumps({"cniVersion": "1.0.0", "name": "long", "plugins": plugins})


class Gated(World):
    """A world with the policy gate; `found` are the findings, as the metric counts them."""

    def __init__(self, annotation: str = "", **more: Any) -> None:
        super().__init__(annotation, **more)
        self.policies = FixedPolicies({"test": policy("test"), "other": policy("other")})
        self.surroundings = FixedSurroundings()
        self.found: list[tuple[str, str]] = []
        gate = PolicyGate(
            self.policies, self.surroundings, self.devices, lambda *found: self.found.append(found)
        )
        self.gates = (gate,)

    def create_nad(self, namespace: str, name: str, config: str) -> None:
        metadata = body("NetworkAttachmentDefinition", name, namespace=namespace)
        self.store.create({**metadata, "spec": {"config": config}})

    def refusal(self, kind: type[NetattachError] = PolicyError) -> NetattachError:
        """Of the ADD; nothing has been written or run."""
        with pytest.raises(kind) as raised:
            self.add()
        assert ([], {}, []) == (self.shim.runs, self.ledger.entries, self.ledger.history)
        return raised.value


def test_a_network_is_refused_in_the_words_of_the_webhook() -> None:
    """With the pod in front, and as an Event of the pod."""
    world = Gated("long")
    world.create_nad("test", "long", chain(3))
    found = nad.from_body(world.store.read("NetworkAttachmentDefinition", "test", "long"))
    (finding,) = networks.check(found, policy("test"))

    error = world.refusal()

    words = finding_line.line(finding, found.config)
    assert f"pod test/p: policy refuses this: network test/long: {words}" == error.message
    assert (7, {"test/p": [error.message]}) == (error.code, world.events.failures)
    assert [(TOO_MANY, "enforce")] == world.found


def test_the_neighbour_is_attached() -> None:
    world = Gated("long")
    world.create_nad("test", "long", chain(2))

    world.add()

    assert (["ADD net1 bridge", "ADD net1 tuning"], []) == (world.shim.ran("ADD")[1:], world.found)


def test_a_network_is_checked_by_the_policy_of_its_own_namespace() -> None:
    world = Gated("other/long")
    world.create_nad("other", "long", chain(3))
    world.policies.known["test"] = policy("test", Level.PRIVILEGED)

    assert "network other/long: [policy-too-many-plugins]" in world.refusal().message

    world.policies.known = {"test": policy("test"), "other": policy("other", Level.PRIVILEGED)}
    world.add()


def test_the_request_is_checked_by_the_policy_of_the_pods_namespace() -> None:
    world = Gated("a, b, a")
    assert "[policy-too-many-networks] k8s.v1.cni.cncf.io/networks[2]: " in world.refusal().message

    world.policies.known["test"] = policy("test", Level.PRIVILEGED)
    world.add()


def test_all_that_is_refused_is_in_one_message() -> None:
    """Each network once, though it is requested twice."""
    world = Gated("long, other/long, long")
    for namespace in ("test", "other"):
        world.create_nad(namespace, "long", chain(3))

    message = world.refusal().message

    assert ["test/long", "other/long"] == re.findall(rf"network (\S+): \[{TOO_MANY}\]", message)
    assert 1 == message.count("[policy-too-many-networks]")


def test_a_long_list_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_gate, "_MAX_REPORTED", 1)
    world = Gated("long, other/long")
    for namespace in ("test", "other"):
        world.create_nad(namespace, "long", chain(3))

    message = world.refusal().message

    assert ("network test/long" in message, "network other/long" in message) == (True, False)
    assert message.endswith("; and 1 more; `netattach lint` reports all")


def test_the_network_that_replaces_the_default_one_is_checked_too() -> None:
    world = Gated(more={DEFAULT_NETWORK: "other/long"})
    world.create_nad("other", "long", chain(3))

    assert "network other/long: [policy-too-many-plugins]" in world.refusal().message


def test_networks_of_the_settings_are_the_owners() -> None:
    """They are in the networks' namespace, and no pod can avoid them."""
    world = Gated("a")
    world.policies.default = policy("kube-system")
    world.settings = type(world.settings)(defaults=("long",))
    world.create_nad("kube-system", "long", chain(3))

    world.add()

    assert [] == world.found


def test_a_finding_that_only_warns_is_counted_and_refuses_nothing() -> None:
    world = Gated("long")
    world.create_nad("test", "long", chain(3))
    world.policies.known["test"] = policy("test", Level.PRIVILEGED, Level.BASELINE)

    world.add()

    assert [(TOO_MANY, "warn")] == world.found
    assert {} == world.events.failures


def test_a_pod_that_requests_nothing_costs_nothing() -> None:
    world = Gated()
    world.policies.unknown.add("test")
    world.surroundings.around = None

    world.add()

    assert [] == world.policies.asked


@pytest.mark.parametrize("unknown", ["test", "other"])
def test_a_namespace_without_known_labels_makes_the_runtime_try_again(unknown: str) -> None:
    """A guess could let a network pass that the namespace's level forbids."""
    world = Gated("other/b")
    world.create_nad("other", "b", chain(1))
    world.policies.unknown.add(unknown)

    assert 11 == world.refusal(TryAgainError).code

    world.policies.unknown.clear()
    world.add()


def test_a_node_that_is_not_known_yet_makes_the_runtime_try_again() -> None:
    """Only where policy could refuse something."""
    world = Gated("a")
    world.surroundings.around = None

    assert 11 == world.refusal(TryAgainError).code

    world.policies.known["test"] = policy("test", Level.PRIVILEGED)
    world.add()


def test_a_tightened_policy_and_a_changed_network_are_seen_at_the_next_add() -> None:
    """Though findings are cached."""
    world = Gated("long")
    world.create_nad("test", "long", chain(3))
    world.policies.known["test"] = policy("test", Level.PRIVILEGED)
    world.add()
    world.delete()
    world.links.present = {"lo"}
    world.shim.runs.clear()
    world.ledger.history.clear()

    world.policies.known["test"] = policy("test")
    assert TOO_MANY in world.refusal().message

    world.create_nad("test", "long", chain(2))
    world.add()


VF = "0000:3b:00.1"
TAKEN = json.dumps({"cniVersion": "1.0.0", "name": "n", "type": "host-device", "pciBusID": VF})


def test_the_device_of_another_pod_is_refused_whoever_names_it() -> None:
    """A network, and a pod: also for a network with a resource, where the webhook cannot know."""
    world = Gated("taken")
    world.create_nad("test", "taken", TAKEN)
    world.devices.of_others = frozenset({VF})

    assert "[policy-device] pciBusID" in world.refusal().message
    world.devices.of_others = frozenset()
    world.add()

    world = Gated(json.dumps([{"name": "a", "deviceID": VF}]))
    assert "[policy-device] k8s.v1.cni.cncf.io/networks[0].deviceID" in world.refusal().message
    world.devices.devices = {"x/vf": (VF,)}
    world.add()


def test_a_kubelet_that_does_not_answer_makes_the_runtime_try_again_only_where_a_device_is_named() -> None:
    world = Gated("taken")
    world.create_nad("test", "taken", TAKEN)
    world.devices.unreachable = True

    assert 11 == world.refusal(TryAgainError).code
    Gated("a").add()

    world.policies.known["test"] = policy("test", Level.PRIVILEGED)
    world.add()


def test_a_pod_that_names_no_device_costs_no_call_to_the_kubelet() -> None:
    world = Gated("a, b")

    world.add()

    assert 0 == world.devices.asked


def test_a_pod_that_was_attached_before_is_checked_and_detached() -> None:
    """What is attached can always be detached."""
    world = Gated("long")
    world.create_nad("test", "long", chain(3))
    world.policies.known["test"] = policy("test", Level.PRIVILEGED)
    world.add()

    world.policies.known["test"] = policy("test", Level.RESTRICTED)
    world.check()
    world.delete()

    assert {} == world.ledger.entries
    assert "DEL net1 bridge" in world.shim.ran("DEL")


@pytest.mark.parametrize(("enforce", "refused"), [(Level.BASELINE, True), (Level.PRIVILEGED, False)])
def test_a_config_that_admission_would_refuse_for_its_length_is_not_even_checked(
    monkeypatch: pytest.MonkeyPatch, enforce: Level, *, refused: bool
) -> None:
    """Its author may have written it while the webhooks were down, and it is checked for each pod."""
    monkeypatch.setattr(networks, "check", lambda *_: pytest.fail("it was checked"))
    world = Gated("long")
    world.policies.known["test"] = policy("test", enforce, warn=Level.BASELINE)
    world.create_nad("test", "long", chain(2) + " " * 33_000)

    if refused:
        assert "no network needs more than 32768" in world.refusal().message
    else:
        world.add()
    assert refused == bool(world.found)


def test_a_long_config_is_checked_in_a_thread_with_the_same_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []

    def check(*arguments: Any) -> Any:
        threads.append(threading.current_thread().name)
        return known(*arguments)

    known = networks.check
    monkeypatch.setattr(networks, "check", check)
    for padding in (0, 4096):
        world = Gated("long")
        world.create_nad("test", "long", chain(3) + " " * padding)
        assert TOO_MANY in world.refusal().message

    assert 2 == len(threads)
    assert threading.main_thread().name == threads[0] != threads[1]
