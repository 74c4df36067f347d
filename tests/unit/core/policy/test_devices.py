"""Devices: a pod gets those that the kubelet gave it, whoever names another one."""

from __future__ import annotations

import pytest

from netattach_core.api.nad import RESOURCE_NAME, Nad
from netattach_core.policy import devices
from netattach_core.policy.case import KnownDevices
from netattach_core.policy.levels import PRIVILEGED, NamespacePolicy
from netattach_core.policy.settings import Level
from unit.core.policy.pod_requests import BASELINE, asked, nad, rules, written

VF = "0000:3b:00.1"
WITH_RESOURCE = nad("fast", {RESOURCE_NAME: "x/vf"}, type="sriov")
WITHOUT = nad("plain", type="host-device", capabilities={"deviceID": True})


@pytest.mark.parametrize("key", ["deviceID", "deviceid", "DeviceId"])
def test_a_device_for_a_network_without_a_resource_is_refused_at_admission(key: str) -> None:
    (finding,) = asked(BASELINE, [{"name": "plain", key: VF}], WITHOUT)

    assert "policy-device" == finding.rule.id
    assert ("k8s.v1.cni.cncf.io/networks", 0, "deviceID") == finding.path
    assert "resources.limits" in finding.fix


def test_a_device_of_the_default_network_is_refused_at_admission() -> None:
    request = [{"name": "plain", "namespace": "lab", "deviceID": VF}]
    (finding,) = asked(BASELINE, "", WITHOUT, default=request)

    assert "v1.multus-cni.io/default-network" == finding.path[0]


def test_a_device_for_a_network_with_a_resource_waits_for_the_node() -> None:
    request = [{"name": "fast", "deviceID": VF}]

    assert [] == asked(BASELINE, request, WITH_RESOURCE)
    own = KnownDevices(own=frozenset({VF}))
    assert [] == asked(BASELINE, request, WITH_RESOURCE, devices=own)
    assert ["policy-device"] == rules(asked(BASELINE, request, WITH_RESOURCE, devices=KnownDevices()))


@pytest.mark.parametrize(
    "device", ["0000:3b:00.2", "../devices/0000:3b:00.1", "0000:3b:00.1/../0000:3b:00.2", "1:3b:00.1"]
)
def test_another_device_than_the_pods_own_is_refused_on_the_node(device: str) -> None:
    request = [{"name": "plain", "deviceID": device}]

    assert ["policy-device"] == rules(
        asked(BASELINE, request, WITHOUT, devices=KnownDevices(own=frozenset({VF})))
    )


@pytest.mark.parametrize("device", [VF, "0000:3B:00.1", "3b:00.1", "00000000:3b:00.1"])
def test_the_pods_own_device_passes_on_the_node_in_any_spelling(device: str) -> None:
    request = [{"name": "plain", "deviceID": device}]

    assert [] == asked(BASELINE, request, WITHOUT, devices=KnownDevices(own=frozenset({VF})))


TAKEN = {
    "host-device": '{"type": "host-device", "pciBusID": "0000:3b:00.1"}',
    "upper case": '{"type": "host-device", "PCIBUSID": "0000:3B:00.1"}',
    "sriov": '{"type": "sriov", "deviceID": "0000:3b:00.1 "}',
    "a kernel path": '{"type": "host-device", "kernelpath": "/sys/devices/pci0000:3a/x/../0000:3b:00.1"}',
    "a path to it": '{"type": "host-device", "pciBusID": "../devices/0000:3b:00.1"}',
    "a later plugin": '{"plugins": [{"type": "tuning"}, {"type": "host-device", "pciBusID": "0000:3b:00.1"}]}',
    "a delegate": '{"type": "flannel", "delegate": {"type": "host-device", "pciBusID": "0000:3b:00.1"}}',
    "the first of two": '{"type": "flannel", "delegate": {"pciBusID": "0000:3b:00.1", "PciBusID": "x"}}',
    "an unknown plugin": '{"type": "odd", "nic": [{"device\\u0049D": "0000:3b:00.1"}]}',
}


@pytest.mark.parametrize("config", TAKEN.values(), ids=TAKEN)
def test_a_network_that_names_another_pods_device_is_refused_on_the_node(config: str) -> None:
    network = Nad("lab", "net", config)
    known = KnownDevices(others=frozenset({VF}))

    (finding,) = devices.of_other_pods(network, BASELINE, known)
    assert "which the kubelet has given to another pod" in finding.problem
    assert RESOURCE_NAME in finding.fix
    assert devices.names_device(network)
    assert [] == devices.of_other_pods(network, PRIVILEGED, known)


def test_a_device_that_the_pod_shares_or_nobody_has_is_its_own_to_use() -> None:
    network = Nad("lab", "net", TAKEN["host-device"])

    assert [] == devices.of_other_pods(network, BASELINE, KnownDevices(frozenset({VF}), frozenset({VF})))
    assert [] == devices.of_other_pods(network, BASELINE, KnownDevices(others=frozenset({"0000:3b:00.2"})))


@pytest.mark.parametrize("config", ["", "{", "[]", '{"type": "macvlan", "deviceID": 7}', '{"deviceID": ""}'])
def test_a_network_that_names_no_device_needs_no_answer_of_the_kubelet(config: str) -> None:
    assert not devices.names_device(Nad("lab", "net", config))


def test_an_id_that_is_a_path_is_refused() -> None:
    config = '{"type": "sriov", "deviceID": "../../../class/net/eth0/device"}'

    assert ["policy-device"] == rules(written(BASELINE, config))
    assert [] == written(BASELINE, '{"type": "sriov", "deviceID": "0000:3b:00.1"}')


def test_findings_have_the_severity_of_the_namespace() -> None:
    policy = NamespacePolicy("lab", warn=Level.BASELINE)
    (finding,) = devices.of_other_pods(
        Nad("lab", "net", TAKEN["sriov"]), policy, KnownDevices(others=frozenset({VF}))
    )

    assert "warn" == finding.effective_severity
