"""From the pod's network selections to the input of its plugins."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api import networks_annotation
from netattach_core.attach import attachment
from netattach_core.attach.attachment import Attachment, Network
from netattach_core.cni import config as cni_config
from netattach_core.cni import request as cni_request
from netattach_core.errors import AnnotationError, ConfigError, NetattachError

DEFAULT = Network("cbr0", '{"type":"bridge","name":"cbr0"}', "cbr0")


def _decide(
    text: str, config: str = '{"type":"macvlan"}', runtime_config: dict[str, Any] | None = None
) -> list[Attachment]:
    environment = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "c1",
        "CNI_NETNS": "/n",
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=test;K8S_POD_NAME=p",
    }
    call = cni_request.parse(
        environment, json.dumps({"cniVersion": "1.0.0", "runtimeConfig": runtime_config}).encode()
    )
    selections = networks_annotation.parse(text, "test")
    others = [(each, Network(each.full_name, config, each.name)) for each in selections]
    return list(attachment.decide(call, DEFAULT, others))


def test_interfaces_are_named_by_their_position_in_the_annotation() -> None:
    """A requested name replaces that one."""
    assert ["eth0", "net1", "data", "net3"] == [each.ifname for each in _decide("a,b@data,c")]


def test_a_generated_name_that_another_network_requests_is_refused() -> None:
    """Kubernetes Network Plumbing Working Group spec, section 4.1.2.1.5."""
    with pytest.raises(AnnotationError, match="network test/b: interface 'net2' is test/a's already"):
        _decide("a@net2,b")


def test_the_name_of_the_default_networks_interface_is_refused() -> None:
    with pytest.raises(AnnotationError, match="interface 'eth0' is cbr0's already"):
        _decide("a@eth0")


def test_only_the_default_network_gets_the_runtimes_runtime_config() -> None:
    """A host port must not be mapped to every network of the pod.

    Kubernetes Network Plumbing Working Group spec, section 7.5.
    """
    offered = {"portMappings": [{"hostPort": 80}], cni_request.POD_ANNOTATIONS: {"a": "b"}}

    default, other = _decide("a", runtime_config=offered)

    assert {"portMappings": [{"hostPort": 80}]} == default.runtime_config
    assert {} == other.runtime_config


def test_requests_are_passed_by_capability_and_in_cni_args() -> None:
    """NADs without capabilities depend on CNI_ARGS, which Multus sets too."""
    text = '[{"name":"a","ips":["10.0.0.5/24","fd00::5/64"],"mac":"02:00:00:00:00:01","cni-args":{"k":"v"}}]'

    network = _decide(text)[1]

    assert {"ips": ["10.0.0.5/24", "fd00::5/64"], "mac": "02:00:00:00:00:01"} == network.runtime_config
    assert ("02:00:00:00:00:01", "10.0.0.5/24,fd00::5/64") == (network.args["MAC"], network.args["IP"])
    assert {"k": "v"} == network.cni_args


ASKED: dict[str, tuple[Any, str, Any]] = {
    "ips": (["10.0.0.5/24"], "ips", ["10.0.0.5/24"]),
    "mac": ("02:00:00:00:00:01", "mac", "02:00:00:00:00:01"),
    "infiniband-guid": ("c2:11:22:33:44:55:66:77", "infinibandGUID", "c2:11:22:33:44:55:66:77"),
    "deviceID": ("0000:01:00.1", "deviceID", "0000:01:00.1"),
    "bandwidth": (
        {"egressRate": 8, "egressBurst": 9},
        "bandwidth",
        {"egressRate": 8, "egressBurst": 9},
    ),
    "portMappings": (
        [{"hostPort": 80, "containerPort": 8080, "protocol": "UDP", "hostIP": "10.0.0.1"}],
        "portMappings",
        [{"hostPort": 80, "containerPort": 8080, "protocol": "udp", "hostIP": "10.0.0.1"}],
    ),
}


@pytest.mark.parametrize(("key", "row"), ASKED.items(), ids=ASKED)
def test_only_plugins_with_the_capability_get_a_request(key: str, row: tuple[Any, str, Any]) -> None:
    """And no other network of the pod."""
    value, capability, expected = row
    chain = [{"type": "bridge", "capabilities": {capability: True}}, {"type": "tuning"}]
    text = json.dumps([{"name": "a", key: value}, {"name": "b"}])

    _, network, other = _decide(text, json.dumps({"plugins": chain}))

    one, two = (
        json.loads(
            cni_config.plugin_stdin(network.config, plugin, network.runtime_config, network.cni_args)
        ).get("runtimeConfig")
        for plugin in network.config.plugins
    )
    assert ({capability: expected}, None) == (one, two)
    assert {} == other.runtime_config


def test_an_ipam_claim_changes_nothing() -> None:
    """Plugins that use it read the pod's annotation, as OVN-Kubernetes does."""
    network = _decide('[{"name":"a","ips":["10.0.0.5/24"],"ipam-claim-reference":"vm.a"}]')[1]

    assert {"ips": ["10.0.0.5/24"]} == network.runtime_config


def test_addresses_passed_by_capability_are_not_in_cni_args() -> None:
    """host-local reads one address from CNI_ARGS and fails on two."""
    network = _decide(
        '[{"name":"a","ips":["10.0.0.5/24"]}]', '{"type":"bridge","capabilities":{"ips":true}}'
    )[1]

    assert "IP" not in network.args


def test_a_broken_configuration_names_its_network() -> None:
    """Before anything is touched."""
    with pytest.raises(ConfigError, match="network test/a: line 1, column 20: a comma before `}`"):
        _decide("a", '{"type":"macvlan"  ,}')


def test_default_route_of_each_network() -> None:
    """An empty list differs from a missing one (Kubernetes Network Plumbing Working Group spec, section 4.1.2.1.9)."""
    attachments = _decide(
        '[{"name":"a","default-route":["10.0.0.1"]},{"name":"b","default-route":[]},{"name":"c"}]'
    )

    assert [None, ("10.0.0.1",), (), None] == [each.default_route for each in attachments]


def test_two_default_routes_of_one_ip_version_are_refused() -> None:
    """Before anything is touched."""
    with pytest.raises(AnnotationError, match="one default route of IPv4"):
        _decide('[{"name":"a","default-route":["10.0.0.1"]},{"name":"b","default-route":["10.0.0.2"]}]')


@pytest.mark.parametrize("name", ["-a", "a b", "a/b"])
def test_a_name_that_libcni_refuses_is_refused(name: str) -> None:
    """IPAM plugins use it as the name of a directory."""
    with pytest.raises(NetattachError, match="is not valid for CNI"):
        _decide("a", json.dumps({"type": "macvlan", "name": name}))
