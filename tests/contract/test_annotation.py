"""The selection annotation: Multus' own unit table, replayed, and the specification's rules (npwg-spec section 3)."""

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
    "blanks around the parts": (
        " ns / net1 @ if0 , net2 ",
        [NetworkSelection("ns", "net1", "if0"), NetworkSelection("test", "net2")],
    ),
    "the same network twice": (
        "net1,net1",
        [NetworkSelection("test", "net1"), NetworkSelection("test", "net1")],
    ),
    "the word null names a network": ("null", [NetworkSelection("test", "null")]),
    "an empty text asks for nothing": ("", []),
    "an empty list asks for nothing": ("[]", []),
    "three elements, unknown keys passed over": (
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
    "null is as if absent": ('[{"name":"a","ips":null}]', [NetworkSelection("test", "a")]),
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
    "addresses beside a claim, as OVN-Kubernetes has them and S61 forbids": (
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
    "an interface with a blank": "default/net1@myIfc Name",
    "an interface of more than 15 bytes": "default/net1@very_long_interface_name",
    # Multus takes the next two at first and fails on the node with an empty name.
    "an empty element": "net1,,net2",
    "an at sign without an interface": "net1@",
    "a single object": '{"name":"a"}',
    "an element that is no object": '["a"]',
    "an element without a name": '[{"namespace":"a"}]',
    "an upper-case name": "Net1",
    "ips that are a text": '[{"name":"a","ips":"1.2.3.4"}]',
    "ips that are empty": '[{"name":"a","ips":[]}]',
    "ips with something else than a text": '[{"name":"a","ips":[5]}]',
    "an address that is none": '[{"name":"a","ips":["10.0.0.256"]}]',
    "an address with a netmask": '[{"name":"a","ips":["10.0.0.1/255.255.255.0"]}]',
    "an address with leading zeros": '[{"name":"a","ips":["10.0.0.01/24"]}]',
    "a MAC of 8 bytes": '[{"name":"a","mac":"02:00:00:00:00:01:02:03"}]',
    "a MAC that is none": '[{"name":"a","mac":"aa:.."}]',
    "a GUID of 6 bytes": '[{"name":"a","infiniband-guid":"02:00:00:00:00:01"}]',
    "an interface that the kernel would expand": '[{"name":"a","interface":"net%d"}]',
    "an interface that the kernel refuses": '[{"name":"a","interface":"all"}]',
    "a gateway that is no address": '[{"name":"a","default-route":["x"]}]',
    "port mappings that are empty": '[{"name":"a","portMappings":[]}]',
    "a host port of 0": '[{"name":"a","portMappings":[{"hostPort":0,"containerPort":1}]}]',
    "a host port that is a text": '[{"name":"a","portMappings":[{"hostPort":"80","containerPort":1}]}]',
    "a host port that is true": '[{"name":"a","portMappings":[{"hostPort":true,"containerPort":1}]}]',
    "a protocol that is none": '[{"name":"a","portMappings":[{"hostPort":1,"containerPort":1,"protocol":"icmp"}]}]',
    "a bandwidth without a limit": '[{"name":"a","bandwidth":{}}]',
    "a rate of 0": '[{"name":"a","bandwidth":{"ingressRate":0}}]',
    "a burst without its rate": '[{"name":"a","bandwidth":{"egressBurst":1}}]',
    "JSON with a trailing comma": '[{"name":"a"},]',
}


@pytest.mark.parametrize(("text", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_accepted(text: str, expected: list[NetworkSelection]) -> None:
    """Each accepted text gives its elements, in order."""
    assert tuple(expected) == networks_annotation.parse(text, "test")


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_is_refused(text: str) -> None:
    """One invalid element refuses the whole annotation."""
    with pytest.raises(AnnotationError):
        networks_annotation.parse(text, "test")


def test_a_refusal_names_the_place_and_the_fix() -> None:
    """Somebody who reads the pod's event has to know what to change."""
    with pytest.raises(AnnotationError) as refusal:
        networks_annotation.parse('[{"name": "a"}, {"name": "b", "mac": "02:00"}]', "test")

    assert "element 1: `mac` '02:00' is not 6 bytes, for example 02:00:00:00:00:01" == refusal.value.message


@given(st.text())
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    """The annotation comes from any user of the cluster."""
    try:
        selections = networks_annotation.parse(text, "test")
    except AnnotationError:
        return

    assert all(selection.name and selection.namespace for selection in selections)
