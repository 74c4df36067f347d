"""Pods at admission: their annotations, and networks that do not exist."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core import admission
from netattach_core.admission import RequestedNetworks
from netattach_core.api import networks_annotation
from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS, SKIP_DEFAULT_NETWORKS
from netattach_core.text.finding import Severity
from netattach_core.validation import settings as validation_settings
from netattach_core.validation.settings import ValidationSettings

NODE = NodeInventory(
    "node1",
    interfaces=(Interface("eth0"), Interface("eth1")),
    default_interfaces=(DefaultInterface("eth0", ("carries the IPv4 default route",)),),
    plugins=(Plugin("macvlan"), Plugin("host-local")),
)


def pod(networks: str | None = None, default: str | None = None, **spec: Any) -> dict[str, Any]:
    given = {NETWORKS: networks, DEFAULT_NETWORK: default}
    annotations = {key: text for key, text in given.items() if text is not None}
    return {"metadata": {"name": "p", "annotations": annotations}, "spec": spec}


def being_deleted(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}


def rules(findings: Any) -> list[str]:
    return [finding.rule.id for finding in findings]


def paths(asked: RequestedNetworks) -> list[Any]:
    return [finding.path for finding in asked.findings]


@pytest.mark.parametrize("body", [{}, {"metadata": []}, {"spec": 1}, {"metadata": {"annotations": 1}}])
def test_malformed_objects_raise_no_error(body: dict[str, Any]) -> None:
    admission.validate_nad(body, None, [NODE])
    admission.validate_nad(body, {}, [NODE])

    assert RequestedNetworks() == admission.validate_pod(body, None, "default")


def test_each_requested_network_is_returned_once_and_in_order() -> None:
    asked = admission.validate_pod(pod("b, other/a, b@net5"), None, "default")

    assert (("default", "b"), ("other", "a")) == asked.networks
    assert ["b", "a", "b"] == [each.name for each in asked.selections]
    assert () == asked.findings


UNCHANGED = {
    "a pod without annotations": (pod(), None),
    "blank annotations": (pod(" ", " "), None),
    "an update that leaves both alone": (pod("lost", "x"), pod("lost", "x")),
    "a pod that is being deleted": (being_deleted(pod("lost", "x")), None),
}


@pytest.mark.parametrize(("body", "before"), UNCHANGED.values(), ids=UNCHANGED)
def test_pods_without_new_requests_have_no_findings(
    body: dict[str, Any], before: dict[str, Any] | None
) -> None:
    assert RequestedNetworks() == admission.validate_pod(body, before, "default")


def test_each_annotation_is_validated_only_where_it_changed() -> None:
    assert [(DEFAULT_NETWORK,)] == paths(admission.validate_pod(pod("[", "{"), pod("["), "default"))
    assert [(NETWORKS,)] == paths(admission.validate_pod(pod("[", "{"), pod("a", "{"), "default"))


def test_an_annotation_that_cannot_be_parsed_is_denied_with_its_place() -> None:
    asked = admission.validate_pod(pod('[{"name": "sound"'), None, "default")
    (finding,) = asked.findings

    assert ("pod-annotation", Severity.DENY, ()) == (
        finding.rule.id,
        finding.effective_severity,
        asked.networks,
    )
    assert "line 1, column 18" in finding.problem


DEFAULTS: dict[str, tuple[str, list[str]]] = {
    "a bare name": ("calico", []),
    "a network of another namespace": ("net/calico", []),
    "with a request for an address": ('[{"name":"calico","ips":["10.0.0.5/24"]}]', []),
    "with the interface name of the runtime": ("calico@eth0", []),
    "with another interface name": ("calico@net0", ["pod-default-network"]),
    "two networks": ("calico, flannel", ["pod-annotation"]),
    "an empty list": ("[]", ["pod-annotation"]),
    "a text that cannot be parsed": ("a b", ["pod-annotation"]),
}


@pytest.mark.parametrize(("text", "expected"), DEFAULTS.values(), ids=DEFAULTS)
def test_a_requested_default_network_is_validated(text: str, expected: list[str]) -> None:
    asked = admission.validate_pod(pod(default=text), None, "default")

    assert expected == rules(asked.findings)
    assert all(finding.path[0] == DEFAULT_NETWORK for finding in asked.findings)


def test_a_default_network_is_looked_up_in_the_namespace_of_the_settings() -> None:
    """As with `multusNamespace` in Multus."""
    settings = ValidationSettings(selection=SelectionSettings(namespace="infra"))

    for given, expected in ((validation_settings.DEFAULTS, "kube-system/calico"), (settings, "infra/calico")):
        default = admission.validate_pod(pod(default="calico"), None, "default", given).default

        assert default is not None
        assert expected == default.full_name


def test_isolation_applies_to_default_networks_too() -> None:
    """Unlike in Multus. It is not looked up, so that the finding does not reveal whether it exists."""
    settings = ValidationSettings(selection=SelectionSettings(isolated=True))

    for text in ("calico", "other/calico"):
        asked = admission.validate_pod(pod(default=text), None, "lab", settings)
        assert (["pod-isolated"], None) == (rules(asked.findings), asked.default)
    assert () == admission.validate_pod(pod(default="lab/x"), None, "lab", settings).findings


def test_a_default_network_may_be_a_file_on_the_nodes() -> None:
    default = networks_annotation.parse_default("calico", "kube-system")
    assert default is not None

    (finding,) = admission.unknown_default_file(default, {"cbr0"})

    assert ("pod-unknown-network", Severity.WARN, (DEFAULT_NETWORK,)) == (
        finding.rule.id,
        finding.effective_severity,
        finding.path,
    )
    assert [] == admission.unknown_default_file(default, {"calico"})


def test_the_clusters_default_networks_are_numbered_before_the_pods_own() -> None:
    """As in Multus: the index among all networks is the number in the name."""
    settings = ValidationSettings(selection=SelectionSettings(defaults=("storage",)))

    (finding,) = admission.validate_pod(pod("a@net1"), None, "default", settings).findings
    assert (
        "interface 'net1' is requested, but a default network of the cluster has this name already"
        in finding.problem
    )
    assert ["pod-interface-twice"] == rules(
        admission.validate_pod(pod("a@net3,b"), None, "default", settings).findings
    )
    assert () == admission.validate_pod(pod("a@net1"), None, "kube-system", settings).findings
    skips = pod("a@net1")
    skips["metadata"]["annotations"][SKIP_DEFAULT_NETWORKS] = "true"
    assert () == admission.validate_pod(skips, None, "default", settings).findings


def test_networks_of_a_pod_with_host_network_are_a_warning() -> None:
    asked = admission.validate_pod(pod("a", hostNetwork=True), None, "default")

    assert [("pod-host-network", Severity.WARN)] == [
        (f.rule.id, f.effective_severity) for f in asked.findings
    ]
    assert () == asked.networks
    assert () == admission.validate_pod(pod("a", hostNetwork=False), None, "default").findings
    (finding,) = admission.validate_pod(pod(default="a", hostNetwork=True), None, "default").findings
    assert ("pod-host-network", (DEFAULT_NETWORK,)) == (finding.rule.id, finding.path)


EXISTING = {
    ("default", "sound"),
    ("default", "macvlan-conf"),
    ("one", "far"),
    ("one", "both"),
    ("two", "both"),
}


SUGGESTIONS = {
    "a similar name": (("default", "sonud"), "did you mean `sound`?"),
    "a similar name, in another namespace than the pod's": (("one", "boht"), "did you mean `one/both`?"),
    "the same name in another namespace": (("default", "far"), 'write one/far, or "namespace": "one"'),
    "the same name in several namespaces": (("default", "both"), "create it, or correct the annotation"),
    "no similar name": (("default", "nowhere"), "create it, or correct the annotation"),
    "a similar name in another namespace": (("two", "sonud"), "create it, or correct the annotation"),
}


@pytest.mark.parametrize(("network", "fix"), SUGGESTIONS.values(), ids=SUGGESTIONS)
def test_the_fix_for_an_unknown_network(network: tuple[str, str], fix: str) -> None:
    (finding,) = admission.unknown_networks([network], EXISTING, "default")

    assert finding.fix.startswith(fix)
    assert f"NetworkAttachmentDefinition {network[1]!r} in namespace {network[0]!r}" in finding.problem


def test_each_unknown_network_has_a_finding() -> None:
    found = admission.unknown_networks([("default", "a"), ("default", "b")], EXISTING, "default")

    assert ["pod-unknown-network"] * 2 == rules(found)


def test_no_similar_name_is_searched_among_thousands() -> None:
    existing = {("default", f"sound{i}") for i in range(1001)}
    (finding,) = admission.unknown_networks([("default", "sonud1")], existing, "default")

    assert "did you mean" not in finding.fix


def test_a_network_that_could_not_be_looked_up_is_a_warning() -> None:
    (finding,) = admission.unverified_networks([("a", "b"), ("c", "d")], "the API server is unavailable")

    assert ("pod-uncertain-network", Severity.WARN) == (finding.rule.id, finding.effective_severity)
    assert "a/b, c/d" in finding.problem
    assert "the API server is unavailable" in finding.problem
    assert [] == admission.unverified_networks([], "")


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ("a, b", []),
        ("a@net2, b", ["pod-interface-twice"]),
        ("a@x, b@x", ["pod-interface-twice"]),
        ("a@eth0", ["pod-interface-twice"]),
        ("a@net2, b@net1", []),
        ("a, a", []),
    ],
)
def test_interface_names_are_unique(networks: str, expected: list[str]) -> None:
    assert expected == rules(admission.validate_pod(pod(networks), None, "lab").findings)


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([["10.0.0.1"], ["fd00::1"]], []),
        ([None, ["10.0.0.1", "fd00::1"]], []),
        ([[], ["10.0.0.1"]], []),
        ([["10.0.0.1"], ["10.0.0.1"]], ["pod-default-route"]),
        ([["fd00::1", "fd00::2"]], ["pod-default-route"]),
        ([[], []], ["pod-default-route"]),
        ([["0.0.0.0"]], ["pod-default-route"]),
        ([["gateway"]], ["pod-annotation"]),
    ],
)
def test_a_pod_has_one_default_route_of_each_ip_version(
    routes: list[list[str] | None], expected: list[str]
) -> None:
    elements = [{"name": "a", "default-route": gateways} for gateways in routes]

    assert expected == rules(admission.validate_pod(pod(json.dumps(elements)), None, "lab").findings)


@pytest.mark.parametrize(
    ("of_default", "of_network", "expected"),
    [
        (["10.0.0.1"], ["fd00::1"], {}),
        (["10.0.0.1"], ["10.0.0.2"], {NETWORKS: "10.0.0.1 (kube-system/d) and 10.0.0.2 (lab/a)"}),
        (["10.0.0.1", "10.0.0.2"], ["10.0.0.3"], {DEFAULT_NETWORK: "10.0.0.1 (kube-system/d) and 10.0.0.2"}),
    ],
)
def test_the_default_routes_of_the_default_network_count_too(
    of_default: list[str], of_network: list[str], expected: dict[str, str]
) -> None:
    body = pod(json.dumps([{"name": "a", "default-route": of_network}]))
    body["metadata"]["annotations"][DEFAULT_NETWORK] = json.dumps(
        [{"name": "d", "default-route": of_default}]
    )

    findings = admission.validate_pod(body, None, "lab").findings

    assert list(expected) == [finding.path[0] for finding in findings]
    assert all(text in finding.problem for finding, text in zip(findings, expected.values(), strict=True))


def test_namespaces_can_be_isolated() -> None:
    isolated = ValidationSettings(
        selection=SelectionSettings(isolated=True, global_namespaces=frozenset({"shared"}))
    )
    body = pod("own, lab/own, shared/x, other/x")

    assert [] == rules(admission.validate_pod(body, None, "lab").findings)
    (finding,) = admission.validate_pod(body, None, "lab", isolated).findings
    assert ("pod-isolated", Severity.DENY, (NETWORKS, 3)) == (
        finding.rule.id,
        finding.effective_severity,
        finding.path,
    )
    assert "the global namespaces are shared" in finding.problem
