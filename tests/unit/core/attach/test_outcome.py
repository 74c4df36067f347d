"""The outcome of a call: result, network-status, Events and errors."""

from __future__ import annotations

import json

import pytest

from netattach_core.attach import outcome, plan
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.default_route import Hop
from netattach_core.attach.plan import Verb
from netattach_core.cni.request import CniRequest
from netattach_core.errors import DelegateError, NetattachError, VersionError

POD = {"K8S_POD_NAMESPACE": "shop", "K8S_POD_NAME": "p"}
CONFIG = '{"cniVersion":"1.0.0","type":"macvlan","name":"lan"}'


def _request(command: str = "ADD", version: str = "0.3.1", **args: str) -> CniRequest:
    return CniRequest(command, "c1", "/n", "eth0", args, version)


def _attachment(network: str, ifname: str, address: str, *, gateway: str = "") -> Attachment:
    result = {
        "cniVersion": "1.0.0",
        "interfaces": [{"name": ifname, "sandbox": "/n"}],
        "ips": [{"address": address, "interface": 0}] if address else [],
        "routes": [{"dst": "0.0.0.0/0", "gw": gateway}] if gateway else [],
    }
    return Attachment(network, ifname, CONFIG, "lan", default=ifname == "eth0", result=json.dumps(result))


DEFAULT = _attachment("cbr0", "eth0", "10.0.0.2/24", gateway="10.0.0.1")
SECONDARY = _attachment("shop/lan", "net1", "10.1.0.2/24", gateway="10.1.0.1")


def test_the_runtime_gets_the_result_of_the_default_network_in_the_version_of_the_call() -> None:
    added = outcome.of_add(_request(), [DEFAULT, SECONDARY])

    result = json.loads(added.result)
    assert ("0.3.1", ["eth0"]) == (result["cniVersion"], [each["name"] for each in result["interfaces"]])


def test_the_status_has_an_entry_and_the_pod_an_event_for_each_network() -> None:
    added = outcome.of_add(_request(), [DEFAULT, SECONDARY], {"net1": {"type": "pci"}})

    default, secondary = json.loads(added.status)
    assert ("cbr0", True) == (default["name"], default["default"])
    assert ("shop/lan", {"type": "pci"}) == (secondary["name"], secondary["device-info"])
    assert ("Add eth0 [10.0.0.2/24] from cbr0", "Add net1 [10.1.0.2/24] from shop/lan") == added.events


def test_the_status_has_only_the_default_routes_in_force() -> None:
    added = outcome.of_add(_request(), [DEFAULT, SECONDARY], in_force={4: (Hop("net1", "10.1.0.1"),)})

    assert [None, ["10.1.0.1"]] == [entry.get("gateway") for entry in json.loads(added.status)]


def test_a_result_without_addresses_cannot_be_expressed_before_0_3_0() -> None:
    with pytest.raises(VersionError):
        outcome.of_add(_request(version="0.2.0"), [_attachment("cbr0", "eth0", "")])


def test_all_failures_are_one_error() -> None:
    """With the code of a failed delegate; the plugins' own codes are in the details."""
    steps = plan.delete([DEFAULT, SECONDARY]).steps
    causes = [DelegateError("busy", details="lock", delegate_code=11), NetattachError("no disk")]

    error = outcome.failure(Verb.DEL, [DEFAULT, SECONDARY], list(zip(steps, causes, strict=True)))

    assert "DEL of network shop/lan (net1): busy; DEL of network cbr0 (eth0): no disk" == error.message
    assert ("macvlan: code 11, lock", 100) == (error.details, error.code)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (_request(**POD), "pod shop/p: why"),
        (_request(), "sandbox c1: why"),
        (CniRequest("STATUS", "", "", "", {}, "1.1.0"), "why"),
    ],
    ids=["a pod", "a sandbox outside of Kubernetes", "the node"],
)
def test_a_message_names_what_it_is_about(request_: CniRequest, message: str) -> None:
    assert message == outcome.for_pod(request_, "why")
