"""Whether a pod uses a network, by its metadata, which whoever may create pods writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core import admission
from netattach_core.api import network_selection
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.networks_annotation import (
    DEFAULT_NETWORK,
    MAX_LENGTH,
    NETWORK_STATUS,
    NETWORKS,
    SKIP_DEFAULT_NETWORKS,
)
from netattach_core.errors import DecodeError

NET = ("lab", "net")
ISOLATED = SelectionSettings(isolated=True)
DEFAULTS = SelectionSettings(defaults=("net",), namespace="lab")


def _uses(
    annotations: Any, settings: SelectionSettings = network_selection.DEFAULTS, **metadata: Any
) -> bool:
    pod = {"metadata": {"namespace": "lab", "name": "p", "annotations": annotations, **metadata}}
    found = admission.users_in(json.dumps({"items": [pod]}), NET, settings)
    assert found <= {(metadata.get("namespace", "lab"), "p")}
    return bool(found)


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ("net", True),
        ("other, net@net7", True),
        (" lab/net @net7 ", True),
        ("x/net, lab/network, lab/ne", False),
        ("net@@", True),
        ('[{"name": "net"}]', True),
        ('[{"Name": "net", "NAMESPACE": "lab", "ips": 7}]', True),
        (r'[{"name": "\u006eet"}]', True),
        ('[{"name": "net", "namespace": "x"}]', False),
        ('[{"name": "net", "namespace": null}]', True),
        ('[{"namespace": "lab"}, 3, null, "net", ["net"], {"name": ["net"]}]', False),
        ('{"name": "net"}', False),
        ('[{"name": "net"', False),
        ("", False),
    ],
)
def test_a_pod_uses_what_its_annotation_asks_for(networks: str, *, expected: bool) -> None:
    assert expected == _uses({NETWORKS: networks})


def test_another_default_network_is_used_too() -> None:
    in_lab = SelectionSettings(namespace="lab")

    assert _uses({DEFAULT_NETWORK: "lab/net"})
    assert _uses({DEFAULT_NETWORK: "net"}, in_lab, namespace="shop")
    assert not _uses({DEFAULT_NETWORK: "net"})


def test_a_pod_does_not_use_what_isolation_keeps_from_it() -> None:
    assert _uses({NETWORKS: "lab/net"}, namespace="shop")
    assert not _uses({NETWORKS: "lab/net"}, ISOLATED, namespace="shop")
    assert not _uses({DEFAULT_NETWORK: "lab/net"}, ISOLATED, namespace="shop")
    assert _uses({NETWORKS: "lab/net"}, ISOLATED)


def test_a_network_of_the_settings_is_used_where_the_pod_is_attached_to_it() -> None:
    """A pod with the node's network gets none, which its metadata does not say."""
    status = {NETWORK_STATUS: '[{"name": "cbr0"}, {"name": "lab/net"}]'}

    assert _uses(status, DEFAULTS, namespace="shop")
    assert not _uses({}, DEFAULTS)
    assert not _uses({**status, SKIP_DEFAULT_NETWORKS: "true"}, DEFAULTS)
    assert not _uses(status, DEFAULTS, namespace="kube-system")
    assert not _uses(status)


def test_a_pod_that_is_being_deleted_does_not_count() -> None:
    assert not _uses({NETWORKS: "net"}, deletionTimestamp="2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("net," * MAX_LENGTH, id="too long, which no node accepts"),
        pytest.param("[" * 60_000 + '"net"', id="nested"),
        pytest.param('[{"name":' + "9" * 60_000 + "}, {}]", id="a long number"),
        pytest.param(json.dumps([{"name": "net\0"}] * 4000), id="a character that no name has"),
        pytest.param("xnet," * 13_000, id="names that contain it"),
    ],
)
def test_a_hostile_annotation_is_no_user_and_no_failure(text: str) -> None:
    assert not _uses({NETWORKS: text, DEFAULT_NETWORK: text})


@pytest.mark.parametrize(
    "text",
    [
        '{"items":[]}',
        '{"items" : [ ] }',
        '{"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": null}',
        '{"items": [null, 3, "net", {}, {"metadata": null}, {"metadata": {"annotations": 3}}]}',
        json.dumps({"items": [{"metadata": {"annotations": {NETWORKS: ["net"]}}}]}),
    ],
)
def test_a_list_without_pods_has_no_users(text: str) -> None:
    assert set() == admission.users_in(text, NET, SelectionSettings())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "null",
        '{"items": "net"}',
        '{"items": [',
        '{"items": [{"metadata": {}}',
        '{"items": [{"metadata": {}},',
        '{"items": [{"metadata": }]}',
        '{"items": [' + "[" * 100_000,
    ],
)
def test_what_is_no_list_is_an_error(text: str) -> None:
    with pytest.raises(DecodeError, match="not a list of the API"):
        admission.users_in(text, NET, SelectionSettings())


def test_the_users_among_the_pods_of_a_list() -> None:
    def pod(name: str, networks: str) -> dict[str, Any]:
        return {"metadata": {"namespace": "lab", "name": name, "annotations": {NETWORKS: networks}}}

    pods = {"metadata": {}, "items": [pod("a", "net"), pod("b", "other"), pod("c", "x,net")]}
    for text in (json.dumps(pods), json.dumps(pods, separators=(",", ":")), json.dumps(pods, indent=1)):
        assert {("lab", "a"), ("lab", "c")} == admission.users_in(text, NET, SelectionSettings())


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ("net\u00a0", True),
        ("\u2003net", True),
        ("nét,net", True),
        ('[{"name": "net", "name\u017fpace": "other"}]', False),
        ("net\u00e0", False),
        ("ne\u0165", False),
        ("\U0001f980,lab/ne", False),
    ],
)
def test_other_characters_count_as_a_node_reads_them(networks: str, *, expected: bool) -> None:
    """The text has a character for each byte; these spaces and letters are equal to those of ASCII only as what they are."""
    note = {"note": "\U0001f980" * 10}
    pods = [
        {"metadata": {"namespace": "lab", "name": "a", "annotations": {NETWORKS: networks, **note}}},
        {"metadata": {"namespace": "lab", "name": "b", "annotations": {NETWORKS: "net"}}},
    ]
    text = json.dumps({"items": pods}, ensure_ascii=False).encode().decode("latin-1")
    found = admission.users_in(text, NET, SelectionSettings())

    assert {("lab", "b"), *([("lab", "a")] if expected else [])} == found


def test_bytes_that_are_no_utf_8_are_no_failure() -> None:
    pod = {"metadata": {"namespace": "lab", "name": "a", "annotations": {"note": "\xff", NETWORKS: "net"}}}
    text = json.dumps({"items": [pod]}, ensure_ascii=False)

    assert {("lab", "a")} == admission.users_in(text, NET, SelectionSettings())
