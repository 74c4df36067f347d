"""The networks that a pod gets, over twins of the API and the node's files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core import admission
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS, SKIP_DEFAULT_NETWORKS
from netattach_core.attach.attachment import Network
from netattach_core.errors import AnnotationError, NetattachError, NotFoundError, TryAgainError
from netattach_core.validation.settings import ValidationSettings
from support.world import World

ISOLATED = SelectionSettings(isolated=True, global_namespaces=frozenset({"shared"}))


FILE = Network(
    "on-node", '{"cniVersion":"1.0.0","type":"ipvlan","name":"on-node"}', "on-node", "20-on-node.conf"
)
GIVING = SelectionSettings(defaults=("storage", "backup"))


def nad(namespace: str, name: str, config: str) -> dict[str, Any]:
    metadata = {"namespace": namespace, "name": name}
    return {"kind": "NetworkAttachmentDefinition", "metadata": metadata, "spec": {"config": config}}


def status(world: World) -> list[tuple[str, str, bool]]:
    """Name, interface and default of each entry of network-status."""
    text = world.status.written.get("test/p") or world.status.enqueued["test/p"]
    return [(each["name"], each["interface"], each.get("default", False)) for each in json.loads(text)]


def refusal(world: World) -> str:
    """The message of the ADD, which fails without a request to the API."""
    world.store.unreachable = True
    with pytest.raises(AnnotationError) as refused:
        world.add()

    assert ([], {}) == (world.shim.runs, world.ledger.entries)
    return refused.value.message


@pytest.mark.parametrize("name", ["a", "empty", "nowhere"])
def test_an_isolated_pod_learns_nothing_of_networks_in_other_namespaces(name: str) -> None:
    """The same message for a NAD, a file and a name of neither, which is also the webhook's."""
    world = World(f"other/{name}")
    world.settings = ISOLATED
    world.networks.named = {"empty": Network("empty", '{"type":"bridge","name":"empty"}', "empty")}
    pod = {"metadata": {"annotations": {NETWORKS: f"other/{name}"}}}
    (finding,) = admission.validate_pod(pod, None, "test", ValidationSettings(selection=ISOLATED)).findings

    message = refusal(world)

    assert f"pod test/p: annotation {NETWORKS}: {finding.problem}; {finding.fix}" == message
    assert f"other/{name}" not in message


def test_an_isolated_pod_can_select_networks_of_its_own_and_of_global_namespaces() -> None:
    world = World("a, test/b, shared/c")
    world.settings = ISOLATED
    world.store.create(nad("shared", "c", '{"type":"vlan"}'))

    world.add()

    assert {"ADD net1 macvlan", "ADD net2 bridge", "ADD net3 vlan"} == set(world.shim.ran("ADD")[1:])


def test_without_isolation_every_namespace_can_be_selected() -> None:
    world = World("a")
    world.settings = SelectionSettings(global_namespaces=frozenset())

    world.add()

    assert ["ADD net1 macvlan"] == world.shim.ran("ADD")[1:]


@pytest.mark.parametrize("hands_over", [True, False])
def test_a_pod_can_ask_for_another_default_network(hands_over: bool) -> None:  # noqa: FBT001  # a table's column
    """A bare name is in the namespace of default networks; the node needs no default network of its own."""
    world = World("a", hands_over_annotations=hands_over, more={DEFAULT_NETWORK: "fast"})
    world.store.create(nad("kube-system", "fast", '{"cniVersion":"1.0.0","type":"bridge"}'))
    world.networks.default = None

    result = world.add()

    assert ["ADD eth0 bridge", "ADD net1 macvlan"] == world.shim.ran("ADD")
    assert [("kube-system/fast", "eth0", True), ("test/a", "net1", False)] == status(world)
    assert "eth0" == result["interfaces"][0]["name"]
    world.delete()
    assert ["DEL net1 macvlan", "DEL eth0 bridge"] == world.shim.ran("DEL")


def test_another_default_network_may_be_of_the_pods_own_namespace() -> None:
    world = World(more={DEFAULT_NETWORK: "test/b@eth0"})

    world.add()

    assert ["ADD eth0 bridge"] == world.shim.ran("ADD")
    assert [("test/b", "eth0", True)] == status(world)
    assert {} == world.status.enqueued, "written before the pod starts, since it selects a network"


def test_another_default_network_may_be_a_file_of_the_node() -> None:
    """By its name in JSON, and only in the namespace of default networks."""
    world = World(more={DEFAULT_NETWORK: "on-node"})
    world.networks.named = {"on-node": FILE}

    world.add()

    assert ["ADD eth0 ipvlan"] == world.shim.ran("ADD")
    assert [("on-node", "eth0", True)] == status(world)


def test_a_nad_is_preferred_to_a_file_of_its_name() -> None:
    world = World(more={DEFAULT_NETWORK: "on-node"})
    world.networks.named = {"on-node": FILE}
    world.store.create(nad("kube-system", "on-node", '{"type":"macvlan"}'))

    world.add()

    assert ["ADD eth0 macvlan"] == world.shim.ran("ADD")


NO_DEFAULT = {
    "nowhere": "network kube-system/nowhere: there is no NetworkAttachmentDefinition 'nowhere' in namespace 'kube-system', and "
    "no file of this node has that name; create it, or correct the pod's annotation",
    "test/on-node": "network test/on-node: there is no NetworkAttachmentDefinition 'on-node' in namespace 'test'; create it",
    "test/a@data": "network test/a: the runtime expects the default network's interface to be 'eth0'; remove `data`",
    "test/a, test/b": f"annotation {DEFAULT_NETWORK}: selects 2 networks, but a pod has exactly one default network",
    "[]": f"annotation {DEFAULT_NETWORK}: selects 0 networks, but a pod has exactly one default network",
    "a b": f"annotation {DEFAULT_NETWORK}: `a b` is not a network",
    "test/ours": "network test/ours: its type is netattach, a meta-plugin, which no network may call; "
    "name another plugin",
}


@pytest.mark.parametrize(("asked", "message"), NO_DEFAULT.items())
def test_another_default_network_that_cannot_be_used_fails_before_anything_is_started(
    asked: str, message: str
) -> None:
    """The pod must not run in another network than it asks for."""
    world = World(more={DEFAULT_NETWORK: asked})
    world.networks.named = {"on-node": FILE}
    world.store.create(nad("test", "ours", '{"type":"netattach"}'))

    with pytest.raises(NetattachError) as refused:
        world.add()

    assert refused.value.message.startswith(f"pod test/p: {message}")
    assert ([], {}) == (world.shim.runs, world.ledger.entries)


@pytest.mark.parametrize("asked", ["secret", "other/secret", "on-node"])
def test_isolation_applies_to_default_networks(asked: str) -> None:
    """In Multus, this annotation bypasses it."""
    world = World(more={DEFAULT_NETWORK: asked})
    world.networks.named = {"on-node": FILE}
    world.settings = ISOLATED

    message = refusal(world)

    said = "pods in namespace 'test' cannot use networks in namespace "
    assert message.startswith(f"pod test/p: annotation {DEFAULT_NETWORK}: {said}")
    assert "secret" not in message


def test_the_default_network_gets_what_the_pod_asks_for_and_what_the_runtime_offers() -> None:
    """In Multus, only CNI_ARGS has it. The host ports of the pod stay."""
    asked = [
        {
            "name": "fast",
            "ips": ["10.0.0.9/24"],
            "mac": "02:00:00:00:00:09",
            "portMappings": [{"hostPort": 81, "containerPort": 80}],
            "cni-args": {"color": "red"},
        }
    ]
    world = World(more={DEFAULT_NETWORK: json.dumps(asked)})
    capabilities = {"mac": True, "portMappings": True, "bandwidth": True}
    world.store.create(
        nad("kube-system", "fast", json.dumps({"type": "bridge", "capabilities": capabilities}))
    )
    world.offered = {"portMappings": [{"hostPort": 443}], "bandwidth": {"ingressRate": 1}, "cgroupPath": "/x"}

    world.add()

    (run,) = world.shim.runs
    ports = [{"hostPort": 443}, {"hostPort": 81, "containerPort": 80, "protocol": "tcp"}]
    offered = {"mac": "02:00:00:00:00:09", "portMappings": ports, "bandwidth": {"ingressRate": 1}}
    assert (offered, {"cni": {"color": "red"}}) == (run.stdin["runtimeConfig"], run.stdin["args"])
    assert "MAC=02:00:00:00:00:09;IP=10.0.0.9/24" in run.environment["CNI_ARGS"]


def test_every_pod_gets_the_clusters_default_networks() -> None:
    """After its default network and before its own; interfaces are numbered over all of them, as in Multus."""
    world = World("a,b@data")
    world.settings = GIVING
    world.store.create(nad("kube-system", "storage", '{"type":"vlan"}'))
    world.networks.named = {"backup": FILE}

    world.add()

    assert [
        ("cbr0", "eth0", True),
        ("kube-system/storage", "net1", False),
        ("on-node", "net2", False),
        ("test/a", "net3", False),
        ("test/b", "data", False),
    ] == status(world)


SKIPPED = {
    "by its annotation": (World(more={SKIP_DEFAULT_NETWORKS: "true"}), "kube-system"),
    "by its namespace": (World(), "test"),
}


@pytest.mark.parametrize(("world", "system"), SKIPPED.values(), ids=SKIPPED)
def test_a_pod_can_skip_default_networks(world: World, system: str) -> None:
    world.settings = SelectionSettings(defaults=("storage",), system_namespaces=frozenset({system}))

    world.add()

    assert ["ADD eth0 ptp"] == world.shim.ran("ADD")


def test_only_true_skips_default_networks() -> None:
    world = World(more={SKIP_DEFAULT_NETWORKS: "no"})
    world.settings = SelectionSettings(defaults=("storage",))

    with pytest.raises(
        NotFoundError, match=r"network kube-system/storage: .* or correct defaultNetworks in the cluster's"
    ):
        world.add()


def test_a_default_network_in_a_file_costs_no_request() -> None:
    """Pods without secondary networks of their own start while the API cannot be reached."""
    world = World()
    world.settings = SelectionSettings(defaults=("20-on-node.conf",))
    world.networks.named = {"on-node": FILE}
    world.store.unreachable = True

    world.add()
    assert ["ADD eth0 ptp", "ADD net1 ipvlan"] == world.shim.ran("ADD")

    world = World()
    world.settings = SelectionSettings(defaults=("30-missing.conf",))
    with pytest.raises(NotFoundError, match=r"network 30-missing\.conf: this node has no such file"):
        world.add()


def test_a_default_network_that_cannot_be_read_fails_the_add() -> None:
    """With the code for a retry; no pod starts without it."""
    world = World()
    world.settings = GIVING
    world.store.unreachable = True

    with pytest.raises(TryAgainError):
        world.add()
    assert [] == world.shim.runs
