"""Multus' unit tests of default-route and its gateway cache as tables; each difference has its reason.

Multus has two flags per network (IsFilterV4Gateway, IsFilterV6Gateway) and adapts the result that libcni has cached. netattach
stores the request, reads the kernel's routes, and adapts the result in the ledger.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api import networks_annotation
from netattach_core.attach import default_route, result_routes
from netattach_core.attach.default_route import DefaultRoute, Hop, Request
from netattach_core.errors import VersionError

OWN = [DefaultRoute(4, (Hop("net1", "10.1.1.254"),)), DefaultRoute(6, (Hop("net1", "fc00::fe"),))]


@pytest.mark.parametrize(
    ("written", "gateways", "filtered"),
    [
        # Multus: (true, true); effective only if another network has the key
        pytest.param(None, None, (False, False), id="absent"),
        # Multus: (true, true), which removes what the specification keeps
        pytest.param([], (), (False, False), id="empty"),
        pytest.param(["10.1.1.1"], ("10.1.1.1",), (True, False), id="v4"),
        pytest.param(["10.1.1.1", "fc00::1"], ("10.1.1.1", "fc00::1"), (True, True), id="both"),
    ],
)
def test_the_flags_of_a_networks_own_routes(
    written: list[str] | None, gateways: tuple[str, ...] | None, filtered: tuple[bool, bool]
) -> None:
    """Whether the default routes that net1's plugins set are removed, by IP version.

    Multus' flags for removing them are (true, true), (true, true), (false, true), (false, false), and its code removes both
    versions if one is set; netattach removes the version for which another gateway was requested.
    """
    element = {"name": "net1"} | ({} if written is None else {"default-route": written})
    (selection,) = networks_annotation.parse(json.dumps([element]), "test")
    assert gateways == selection.default_route

    requests = [] if gateways is None else [Request("test/net1", "net1", gateways)]
    changes = default_route.changes(default_route.in_force(requests, OWN), OWN)

    assert filtered == tuple(route in changes.removed for route in OWN)


V4 = {"dst": "0.0.0.0/0", "gw": "10.1.1.1"}
V6 = {"dst": "::/0", "gw": "fc00::1"}
LAN = {"dst": "10.2.0.0/16", "gw": "10.1.1.2"}
SHAPE_A: dict[str, Any] = {
    "cniVersion": "0.2.0",
    "ip4": {"ip": "10.1.1.103/24", "routes": [LAN, V4]},
    "ip6": {"ip": "fc00::3/64", "routes": [V6]},
}


def _edited(body: dict[str, Any], gateways: dict[int, list[str]]) -> dict[str, Any]:
    edited: dict[str, Any] = json.loads(result_routes.with_default_routes(json.dumps(body), "", gateways))
    return edited


@pytest.mark.parametrize("version", ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
@pytest.mark.parametrize(
    ("before", "gateways", "after"),
    [
        pytest.param([V4], {4: []}, None, id="delete-v4-and-the-key"),
        pytest.param([LAN, V4, V6], {4: []}, [LAN, V6], id="delete-v4"),
        pytest.param([V4, V6], {6: []}, [V4], id="delete-v6"),
        pytest.param([V4, V6], {4: [], 6: []}, None, id="delete-both"),
        pytest.param([LAN], {4: []}, [LAN], id="nothing-to-delete"),
        pytest.param(None, {4: []}, None, id="no-routes"),
        pytest.param(None, {4: ["10.1.1.1"]}, [V4], id="add-v4-when-absent"),
        pytest.param([LAN], {4: ["10.1.1.1"], 6: ["fc00::1"]}, [LAN, V4, V6], id="add-both"),
        pytest.param([{"dst": "0.0.0.0/0", "gw": "10.1.1.9"}], {4: ["10.1.1.1"]}, [V4], id="another-gateway"),
        pytest.param([{"gw": "10.1.1.9"}, V6], {4: []}, [V6], id="without-dst-of-v4"),
        # Multus removes it too
        pytest.param([{"gw": "fc00::9"}], {4: []}, [{"gw": "fc00::9"}], id="without-dst-of-v6"),
        pytest.param([{}, None, LAN], {4: []}, [LAN], id="without-anything"),
        pytest.param(
            [{"dst": "0.0.0.0/1", "gw": "10.1.1.9"}],
            {4: []},
            [{"dst": "0.0.0.0/1", "gw": "10.1.1.9"}],
            id="half",
        ),
        pytest.param([V4], {4: [""]}, [{"dst": "0.0.0.0/0"}], id="the-link-itself"),
    ],
)
def test_the_cache_of_versions_with_one_list(
    version: str, before: list[Any] | None, gateways: dict[int, list[str]], after: list[Any] | None
) -> None:
    """Multus searches for `::0/0`, which no plugin writes, so it never adapts IPv6 routes."""
    rest = {"cniVersion": version, "interfaces": [{"name": "net1", "x-unknown": 1}], "dns": {}}

    edited = _edited(rest if before is None else {**rest, "routes": before}, gateways)

    assert (rest if after is None else {**rest, "routes": after}) == edited


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0"])
@pytest.mark.parametrize(
    ("gateways", "v4", "v6"),
    [
        pytest.param({4: []}, [LAN], [V6], id="delete-v4"),
        pytest.param({6: []}, [LAN, V4], None, id="delete-v6-and-the-key"),
        pytest.param({4: ["10.1.1.9"]}, [LAN, {"dst": "0.0.0.0/0", "gw": "10.1.1.9"}], [V6], id="another-v4"),
        pytest.param({4: [], 6: ["fc00::9"]}, [LAN], [{"dst": "::/0", "gw": "fc00::9"}], id="both"),
    ],
)
def test_the_cache_of_versions_with_two_sections(
    version: str, gateways: dict[int, list[str]], v4: list[Any], v6: list[Any] | None
) -> None:
    edited = _edited({**SHAPE_A, "cniVersion": version}, gateways)

    assert {"ip": "10.1.1.103/24", "routes": v4} == edited["ip4"]
    assert {"ip": "fc00::3/64", **({"routes": v6} if v6 else {})} == edited["ip6"]


def test_a_missing_section_is_not_added() -> None:
    """Without an address the result would be invalid."""
    body = {"cniVersion": "0.2.0", "ip4": {"ip": "10.1.1.103/24"}}

    assert body == _edited(body, {6: ["fc00::1"]})


def test_an_unknown_version_is_refused() -> None:
    """Multus: `not supported version: 0.9.0`."""
    with pytest.raises(VersionError, match=r"unsupported CNI result version '0\.9\.0'"):
        _edited({"cniVersion": "0.9.0"}, {4: []})


@pytest.mark.parametrize(
    "text", ["null", '{ "cniVersion" : "1.0.0" }', '{"Routes":[ {"dst":"10.2.0.0/16"} ]}']
)
def test_without_a_change_the_bytes_stay(text: str) -> None:
    """The plugin gets its own result back."""
    assert text == result_routes.with_default_routes(text, "1.0.0", {4: []})


def test_the_case_of_keys_is_ignored() -> None:
    """As in Go; Multus' own code does not ignore it."""
    text = '{"cniVersion":"1.0.0","Routes":[{"DST":"0.0.0.0/0","GW":"10.1.1.9"}],"ips":[]}'

    edited = result_routes.with_default_routes(text, "", {4: ["10.1.1.1"]})

    assert {"cniVersion": "1.0.0", "ips": [], "routes": [V4]} == json.loads(edited)
