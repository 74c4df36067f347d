"""What is said of an object when it is written, and of which changes nothing is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core import admission
from netattach_core.admission import RequestedNetworks
from netattach_core.api import networks_annotation
from netattach_core.api.inventory import DefaultInterface, Interface, NetworkFile, NodeInventory, Plugin
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS, SKIP_DEFAULT_NETWORKS
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation import settings as validation_settings
from netattach_core.validation import validator
from netattach_core.validation.settings import ValidationSettings

NODE = NodeInventory(
    "node1",
    interfaces=(Interface("eth0"), Interface("eth1")),
    default_interfaces=(DefaultInterface("eth0", ("carries the IPv4 default route",)),),
    plugins=(Plugin("macvlan"), Plugin("host-local")),
)
SOUND = json.dumps({"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1"})
BROKEN = SOUND.replace("}", ",}")


def nad(config: Any, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "net", "namespace": "default", **metadata}, "spec": {"config": config}}


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


def test_rule_ids_are_unique() -> None:
    names = rules([Finding(rule, (), "", "") for rule in (*admission.RULES, *validator.RULES)])

    assert len(set(names)) == len(names)


def test_a_new_network_is_validated_with_the_nodes() -> None:
    assert [] == admission.validate_nad(nad(SOUND), None, [NODE])
    assert ["master-default-interface"] == rules(
        admission.validate_nad(nad(SOUND.replace("eth1", "eth0")), None, [NODE])
    )


NOT_VALIDATED = {
    "an update of a label": (nad(BROKEN, labels={"a": "b"}), nad(BROKEN)),
    "an update of another annotation": (nad(BROKEN, annotations={"a/b": "c"}), nad(BROKEN)),
    "an update that changes nothing": (nad(BROKEN), nad(BROKEN)),
    "the removal of a finalizer": (being_deleted(nad(BROKEN)), nad(SOUND)),
}


@pytest.mark.parametrize(("body", "before"), NOT_VALIDATED.values(), ids=NOT_VALIDATED)
def test_a_broken_network_can_still_be_changed_in_other_parts(
    body: dict[str, Any], before: dict[str, Any]
) -> None:
    assert [] == admission.validate_nad(body, before, [NODE])


VALIDATED = {
    "a new config": (nad(BROKEN), nad(SOUND)),
    "a config where there was none": (nad(BROKEN), {"metadata": {"name": "net"}}),
    "one of our annotations": (nad(BROKEN, annotations={"netattach.io/x": "y"}), nad(BROKEN)),
    "one of our annotations removed": (nad(BROKEN), nad(BROKEN, annotations={"netattach.io/x": "y"})),
}


@pytest.mark.parametrize(("body", "before"), VALIDATED.values(), ids=VALIDATED)
def test_an_update_of_a_validated_part_is_validated(body: dict[str, Any], before: dict[str, Any]) -> None:
    assert ["json-syntax"] == rules(admission.validate_nad(body, before, [NODE]))


def test_removing_the_annotation_that_allows_a_default_interface_is_validated() -> None:
    config = SOUND.replace("eth1", "eth0")
    allowed = nad(config, annotations={"netattach.io/allow-default-interface": "true"})

    assert [] == admission.validate_nad(allowed, None, [NODE])
    assert ["master-default-interface"] == rules(admission.validate_nad(nad(config), allowed, [NODE]))


def test_a_network_without_any_inventory_is_a_warning() -> None:
    (finding,) = admission.validate_nad(nad(SOUND), None, [])

    assert ("inventory-missing", Severity.WARN) == (finding.rule.id, finding.effective_severity)
    assert "no node has published an inventory yet" in finding.problem


@pytest.mark.parametrize("config", ["", None])
def test_a_network_with_its_config_on_the_nodes_has_no_findings(config: str | None) -> None:
    assert [] == admission.validate_nad(nad(config), None, [])


def test_a_config_that_is_too_long_is_denied() -> None:
    (finding,) = admission.validate_nad(nad("x" * (admission.MAX_CONFIG_LENGTH + 1)), None, [NODE])

    assert ("config-too-long", Severity.DENY) == (finding.rule.id, finding.effective_severity)


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


def test_each_problem_in_settings_is_a_finding() -> None:
    assert ["settings-broken"] * 2 == rules(admission.settings_findings(["a", "b"]))


HAVING = NodeInventory("has", networks=(NetworkFile("10-a.conflist", "a"),))


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        pytest.param([], None, id="no-inventories"),
        pytest.param([NodeInventory("old")], None, id="not-reported"),
        pytest.param([HAVING], None, id="on-the-node"),
        pytest.param([HAVING, NodeInventory("old")], None, id="not-reported-by-one"),
        pytest.param([NodeInventory("bare", networks=())], "no file 'a' on any node, nor", id="on-no-node"),
        pytest.param(
            [NodeInventory("b", networks=()), HAVING, NodeInventory("c", networks=())],
            "no file 'a' on b, c, nor a network",
            id="not-on-all-nodes",
        ),
        pytest.param(
            [HAVING, *(NodeInventory(f"n{number}", networks=()) for number in range(7))],
            "on n0, n1, n2, n3, n4 and 2 more, nor",
            id="many",
        ),
    ],
)
def test_a_primary_network_that_nodes_do_not_have(nodes: list[NodeInventory], expected: str | None) -> None:
    found = admission.validate_primary_network(SelectionSettings(primary="a"), nodes)

    assert [] == admission.validate_primary_network(SelectionSettings(), nodes)
    assert (expected is not None) == bool(found)
    assert expected is None or expected in found[0].problem
