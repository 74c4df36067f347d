"""The network selection annotation: Multus' unit tests, and the rules of the specification.

Kubernetes Network Plumbing Working Group spec, section 4.1.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.api import networks_annotation
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.errors import AnnotationError

ACCEPTED = {
    "a bare name": ("net1", [NetworkSelection("test", "net1")]),
    "a name with a namespace": ("default/net1", [NetworkSelection("default", "net1")]),
    "a name with an interface": ("net1@my_interface", [NetworkSelection("test", "net1", "my_interface")]),
    "all three parts": ("default/net1@my_interface", [NetworkSelection("default", "net1", "my_interface")]),
    "two names": ("net1,net2", [NetworkSelection("test", "net1"), NetworkSelection("test", "net2")]),
    "spaces around the parts": (
        " ns / net1 @ if0 , net2 ",
        [NetworkSelection("ns", "net1", "if0"), NetworkSelection("test", "net2")],
    ),
    "the same network twice": (
        "net1,net1",
        [NetworkSelection("test", "net1"), NetworkSelection("test", "net1")],
    ),
    "null is the name of a network": ("null", [NetworkSelection("test", "null")]),
    "an empty text selects nothing": ("", []),
    "an empty list selects nothing": ("[]", []),
    "three elements, unknown keys ignored": (
        (
            '[{"name":"net1"},{"name":"net2","ipRequest":"1.2.3.4","macRequest":"aa:bb:cc:dd:ee:ff"},'
            '{"name":"net3","namespace":"other-ns"}]'
        ),
        [
            NetworkSelection("test", "net1"),
            NetworkSelection("test", "net2"),
            NetworkSelection("other-ns", "net3"),
        ],
    ),
    "a name with a dot": ('[{"name":"my.net"}]', [NetworkSelection("test", "my.net")]),
    "an empty namespace is the pod's": ('[{"name":"a","namespace":""}]', [NetworkSelection("test", "a")]),
    "null means absent": ('[{"name":"a","ips":null}]', [NetworkSelection("test", "a")]),
    "the deprecated key for the interface": (
        '[{"name":"a","interfaceRequest":"eth5"}]',
        [NetworkSelection("test", "a", "eth5")],
    ),
    "keys in another case, as Go reads them": (
        '[{"Name":"a","IPS":["10.0.0.1"]}]',
        [NetworkSelection("test", "a", ips=("10.0.0.1",))],
    ),
    "addresses with and without a prefix": (
        '[{"name":"a","ips":["10.0.0.1/24","fd00::1"]}]',
        [NetworkSelection("test", "a", ips=("10.0.0.1/24", "fd00::1"))],
    ),
    "a MAC in Go's third notation": (
        '[{"name":"a","mac":"0200.0000.0001"}]',
        [NetworkSelection("test", "a", mac="0200.0000.0001")],
    ),
    "a port mapping's protocol in lower case, TCP by default": (
        '[{"name":"a","portMappings":[{"hostPort":80,"containerPort":8080},{"hostPort":53,"containerPort":53,"protocol":"Udp"}]}]',
        [
            NetworkSelection(
                "test",
                "a",
                port_mappings=(
                    {"hostPort": 80, "containerPort": 8080, "protocol": "tcp"},
                    {"hostPort": 53, "containerPort": 53, "protocol": "udp"},
                ),
            )
        ],
    ),
    "a rate without a burst gets one": (
        '[{"name":"a","bandwidth":{"ingressRate":1000}}]',
        [NetworkSelection("test", "a", bandwidth={"ingressRate": 1000, "ingressBurst": 4294967295})],
    ),
    "an empty default-route is not an absent one": (
        '[{"name":"a","default-route":[]},{"name":"b"}]',
        [NetworkSelection("test", "a", default_route=()), NetworkSelection("test", "b", default_route=None)],
    ),
    "addresses with an IPAM claim, which OVN-Kubernetes allows and the specification forbids": (
        '[{"name":"a","ips":["10.0.0.1"],"ipam-claim-reference":"c"}]',
        [NetworkSelection("test", "a", ips=("10.0.0.1",), ipam_claim_reference="c")],
    ),
    "the rest of the keys": (
        (
            '[{"name":"a","infiniband-guid":"c2:11:22:33:44:55:66:77","cni-args":{"k":1},"deviceID":"0000:01:00.1",'
            '"ipam-claim-reference":"vm.a"}]'
        ),
        [
            NetworkSelection(
                "test",
                "a",
                infiniband_guid="c2:11:22:33:44:55:66:77",
                cni_args={"k": 1},
                device_id="0000:01:00.1",
                ipam_claim_reference="vm.a",
            )
        ],
    ),
}

REFUSED = {
    "a list of bare words": "[adsfasdfasdfasf]",
    "two slashes": "root@someIP/root@someOtherIP/root@thirdIP",
    "two at signs": "root@someIP/root@someOtherIP@garbagevalue",
    "an interface with a slash": "root@someIP/root@someOtherIP",
    "an interface with a space": "default/net1@myIfc Name",
    "an interface of more than 15 bytes": "default/net1@very_long_interface_name",
    # Multus accepts the next two and fails on the node with an empty name.
    "an empty element": "net1,,net2",
    "an at sign without an interface": "net1@",
    "a single object": '{"name":"a"}',
    "an element that is not an object": '["a"]',
    "an element without a name": '[{"namespace":"a"}]',
    "an upper-case name": "Net1",
    "ips that are a string": '[{"name":"a","ips":"1.2.3.4"}]',
    "ips that are empty": '[{"name":"a","ips":[]}]',
    "ips with a number": '[{"name":"a","ips":[5]}]',
    "an invalid address": '[{"name":"a","ips":["10.0.0.256"]}]',
    "an address with a netmask": '[{"name":"a","ips":["10.0.0.1/255.255.255.0"]}]',
    "an address with leading zeros": '[{"name":"a","ips":["10.0.0.01/24"]}]',
    "a MAC of 8 bytes": '[{"name":"a","mac":"02:00:00:00:00:01:02:03"}]',
    "an invalid MAC": '[{"name":"a","mac":"aa:.."}]',
    "a GUID of 6 bytes": '[{"name":"a","infiniband-guid":"02:00:00:00:00:01"}]',
    "an interface name that the kernel expands": '[{"name":"a","interface":"net%d"}]',
    "an interface name that the kernel refuses": '[{"name":"a","interface":"all"}]',
    "an invalid gateway": '[{"name":"a","default-route":["x"]}]',
    "empty port mappings": '[{"name":"a","portMappings":[]}]',
    "a host port of 0": '[{"name":"a","portMappings":[{"hostPort":0,"containerPort":1}]}]',
    "a host port that is a string": '[{"name":"a","portMappings":[{"hostPort":"80","containerPort":1}]}]',
    "a host port that is true": '[{"name":"a","portMappings":[{"hostPort":true,"containerPort":1}]}]',
    "an unsupported protocol": '[{"name":"a","portMappings":[{"hostPort":1,"containerPort":1,"protocol":"icmp"}]}]',
    "a bandwidth without a limit": '[{"name":"a","bandwidth":{}}]',
    "a rate of 0": '[{"name":"a","bandwidth":{"ingressRate":0}}]',
    "a burst without its rate": '[{"name":"a","bandwidth":{"egressBurst":1}}]',
    "JSON with a trailing comma": '[{"name":"a"},]',
}


@pytest.mark.parametrize(("text", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_valid_annotation(text: str, expected: list[NetworkSelection]) -> None:
    """The elements are in the order of the text."""
    assert tuple(expected) == networks_annotation.parse(text, "test")


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_an_invalid_annotation(text: str) -> None:
    """One invalid element makes the whole annotation invalid."""
    with pytest.raises(AnnotationError):
        networks_annotation.parse(text, "test")


def test_an_error_names_the_element_and_the_fix() -> None:
    """It is shown in an event of the pod."""
    with pytest.raises(AnnotationError) as refusal:
        networks_annotation.parse('[{"name": "a"}, {"name": "b", "mac": "02:00"}]', "test")

    assert "element 1: `mac` '02:00' is not 6 bytes, for example 02:00:00:00:00:01" == refusal.value.message


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """Any user of the cluster can write the annotation."""
    try:
        selections = networks_annotation.parse(text, "test")
    except AnnotationError:
        return

    assert all(selection.name and selection.namespace for selection in selections)
