"""What a driver knows of its own result need not be read from its text again."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

import pytest

from netattach_core.cni import result as cni_result
from netattach_core.cni.result import Interface, Result
from netattach_core.native import host_local, result
from netattach_core.native.addressing import Addressing
from netattach_core.native.host_local import HostLocal, Stored
from netattach_core.native.static import Static
from support.recipes import recipe

INTERFACES = (
    Interface("br0", mac="02:00:00:00:00:01"),
    Interface("net1", mac="02:00:00:00:00:02", sandbox="/ns"),
)
DUAL = {
    "type": "host-local",
    "ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "FD00:0::/64"}]],
    "routes": [{"dst": "10.2.3.4/16", "gw": "10.1.0.9", "table": 0, "mtu": 1400}, {"dst": "0::/0"}],
}
STATIC = {
    "type": "static",
    "addresses": [{"address": "FD00::0:5/64", "gateway": "fd00::0:1"}, {"address": "10.1.0.5/24"}],
    "routes": [{"dst": "192.168.7.7/24", "scope": 0}],
    "dns": {"nameservers": ["10.0.0.1"], "search": []},
}
DNS = {"domain": "x.example", "options": ["a"]}


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
@pytest.mark.parametrize(
    "config",
    [
        {"type": "macvlan", "master": "eth1", "ipam": DUAL},
        {"type": "macvlan", "master": "eth1", "ipam": STATIC, "dns": DNS},
        {"type": "bridge", "ipam": STATIC},
        {"type": "bridge", "ipam": DUAL, "dns": DNS},
    ],
)
def test_a_result_that_is_remembered_is_the_one_in_its_text(version: str, config: dict[str, Any]) -> None:
    found = recipe(json.dumps({"cniVersion": version, "name": "n", **config}))
    assert found is not None

    text = result.text(found, version, INTERFACES, _addressing(found.ipam))
    remembered = cni_result.parse(text, version)
    with_another_key = f" {text}"

    assert cni_result.parse(with_another_key, version) == remembered
    assert remembered.addresses


def _addressing(ipam: Any) -> Addressing:
    if isinstance(ipam, Static):
        return ipam.addressing
    assert isinstance(ipam, HostLocal)
    return ipam.addressing(host_local.decide(ipam, Stored([], [], {}), "c1").chosen)


def test_as_many_results_are_remembered_as_calls_need(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered: OrderedDict[tuple[str, str], Result] = OrderedDict()
    monkeypatch.setattr(cni_result, "_remembered", remembered)
    monkeypatch.setattr(cni_result, "_MOST_REMEMBERED", 3)

    for number in range(5):
        cni_result.parse(f'{{"interfaces": [{{"name": "net{number}"}}]}}', "1.0.0")

    assert ["net2", "net3", "net4"] == [each.interfaces[0].name for each in remembered.values()]
