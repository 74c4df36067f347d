"""Devices that the networks of a pod require."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.admission import pod_devices
from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import NETWORKS, parse


def rules(findings: Any) -> list[str]:
    return [finding.rule.id for finding in findings]


VF = Nad("lab", "vf", '{"cniVersion":"1.0.0","type":"sriov"}', {"k8s.v1.cni.cncf.io/resourceName": "x/vf"})


MARKED = Nad(
    "lab", "br", '{"type":"bridge"}', {"k8s.v1.cni.cncf.io/resourceName": "bridge.network.kubevirt.io/br1"}
)


LIMIT = {"resources": {"limits": {"x/vf": "1"}}}


REQUEST = {"resources": {"requests": {"x/vf": 1}, "limits": {"x/vf": 1, "cpu": "100m"}}}


DEVICES: dict[str, tuple[str, dict[str, Any], int]] = {
    "none requested": ("vf", {"containers": [{}]}, 1),
    "one requested": ("vf", {"containers": [LIMIT]}, 0),
    "a limit is the request": ("vf", {"containers": [REQUEST]}, 0),
    "two networks, one device": ("vf,vf", {"containers": [LIMIT]}, 1),
    "two networks, one device each": ("vf,vf", {"containers": [LIMIT, REQUEST]}, 0),
    "in an init container": ("vf", {"initContainers": [LIMIT]}, 0),
    "from a claim": ("vf", {"containers": [{}], "resourceClaims": [{"name": "nic"}]}, 0),
    "a device ID in the annotation": ('[{"name":"vf","deviceID":"0000:3b:02.0"}]', {"containers": [{}]}, 0),
    "a network that requires no device": ("br", {"containers": [{}]}, 0),
    "an unknown network": ("other", {"containers": [{}]}, 0),
    "malformed containers": (
        "vf",
        {"containers": [None, 5, {"resources": 7}, {"resources": {"limits": {"x/vf": "1k"}}}]},
        1,
    ),
    "containers that are not lists": ("vf", {"containers": "x", "initContainers": None}, 1),
}


@pytest.mark.parametrize(("networks", "spec", "missing"), DEVICES.values(), ids=DEVICES)
def test_a_pod_must_request_the_devices_that_its_networks_require(
    networks: str, spec: dict[str, Any], missing: int
) -> None:
    known = {("lab", "vf"): VF, ("lab", "br"): MARKED}

    findings = list(pod_devices.validate_devices({"spec": spec}, parse(networks, "lab"), known))

    assert ["pod-device-missing"] * missing == rules(findings)
    assert {(NETWORKS, networks.count(","))} >= {finding.path for finding in findings}
