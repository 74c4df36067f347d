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


def leaving(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}


def rules(findings: Any) -> list[str]:
    return [finding.rule.id for finding in findings]


def paths(asked: RequestedNetworks) -> list[Any]:
    return [finding.path for finding in asked.findings]


def test_rules_have_names_of_their_own() -> None:
    names = rules([Finding(rule, (), "", "") for rule in (*admission.RULES, *validator.RULES)])

    assert len(set(names)) == len(names)


def test_a_new_network_is_validated_with_the_nodes() -> None:
    assert [] == admission.validate_nad(nad(SOUND), None, [NODE])
    assert ["master-default-interface"] == rules(
        admission.validate_nad(nad(SOUND.replace("eth1", "eth0")), None, [NODE])
    )


NOT_VALIDATED = {
    "an update of a label": (nad(BROKEN, labels={"a": "b"}), nad(BROKEN)),
    "an update of somebody else's annotation": (nad(BROKEN, annotations={"a/b": "c"}), nad(BROKEN)),
    "an update that changes nothing": (nad(BROKEN), nad(BROKEN)),
    "the removal of a finalizer": (leaving(nad(BROKEN)), nad(SOUND)),
}


@pytest.mark.parametrize(("body", "before"), NOT_VALIDATED.values(), ids=NOT_VALIDATED)
def test_a_broken_network_can_still_be_changed_elsewhere(
    body: dict[str, Any], before: dict[str, Any]
) -> None:
    assert [] == admission.validate_nad(body, before, [NODE])


VALIDATED = {
    "a new config": (nad(BROKEN), nad(SOUND)),
    "a config where there was none": (nad(BROKEN), {"metadata": {"name": "net"}}),
    "one of our annotations": (nad(BROKEN, annotations={"netattach.io/x": "y"}), nad(BROKEN)),
    "one of our annotations taken away": (nad(BROKEN), nad(BROKEN, annotations={"netattach.io/x": "y"})),
}


@pytest.mark.parametrize(("body", "before"), VALIDATED.values(), ids=VALIDATED)
def test_an_update_of_what_is_validated_is_validated(body: dict[str, Any], before: dict[str, Any]) -> None:
    assert ["json-syntax"] == rules(admission.validate_nad(body, before, [NODE]))


def test_the_annotation_that_allows_a_default_interface_is_asked_for_again_when_it_goes() -> None:
    config = SOUND.replace("eth1", "eth0")
    allowed = nad(config, annotations={"netattach.io/allow-default-interface": "true"})

    assert [] == admission.validate_nad(allowed, None, [NODE])
    assert ["master-default-interface"] == rules(admission.validate_nad(nad(config), allowed, [NODE]))


def test_without_any_node_it_is_said_that_none_has_reported() -> None:
    (finding,) = admission.validate_nad(nad(SOUND), None, [])

    assert ("inventory-missing", Severity.WARN) == (finding.rule.id, finding.effective_severity)
    assert "no node has reported yet" in finding.problem


@pytest.mark.parametrize("config", ["", None])
def test_of_a_config_on_the_nodes_nothing_is_said(config: str | None) -> None:
    assert [] == admission.validate_nad(nad(config), None, [])


def test_a_text_that_is_too_long_is_refused_unread() -> None:
    (finding,) = admission.validate_nad(nad("x" * (admission.MAX_CONFIG_LENGTH + 1)), None, [NODE])

    assert ("config-too-long", Severity.DENY) == (finding.rule.id, finding.effective_severity)


@pytest.mark.parametrize("body", [{}, {"metadata": []}, {"spec": 1}, {"metadata": {"annotations": 1}}])
def test_odd_objects_are_no_defects(body: dict[str, Any]) -> None:
    admission.validate_nad(body, None, [NODE])
    admission.validate_nad(body, {}, [NODE])

    assert RequestedNetworks() == admission.validate_pod(body, None, "default")


def test_each_network_of_a_pod_is_asked_for_once_and_in_order() -> None:
    asked = admission.validate_pod(pod("b, other/a, b@net5"), None, "default")

    assert (("default", "b"), ("other", "a")) == asked.networks
    assert ["b", "a", "b"] == [each.name for each in asked.selections]
    assert () == asked.findings


UNASKED = {
    "a pod without annotations": (pod(), None),
    "blank annotations": (pod(" ", " "), None),
    "an update that leaves both alone": (pod("lost", "x"), pod("lost", "x")),
    "a pod that is being deleted": (leaving(pod("lost", "x")), None),
}


@pytest.mark.parametrize(("body", "before"), UNASKED.values(), ids=UNASKED)
def test_nothing_is_said_of_pods_that_ask_for_nothing_new(
    body: dict[str, Any], before: dict[str, Any] | None
) -> None:
    assert RequestedNetworks() == admission.validate_pod(body, before, "default")


def test_each_annotation_is_validated_only_where_it_changed() -> None:
    assert [(DEFAULT_NETWORK,)] == paths(admission.validate_pod(pod("[", "{"), pod("["), "default"))
    assert [(NETWORKS,)] == paths(admission.validate_pod(pod("[", "{"), pod("a", "{"), "default"))


def test_an_annotation_that_cannot_be_read_is_refused_with_its_place() -> None:
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
    "with what is asked of it": ('[{"name":"calico","ips":["10.0.0.5/24"]}]', []),
    "named as the runtime names it": ("calico@eth0", []),
    "named otherwise": ("calico@net0", ["pod-default-network"]),
    "two of them": ("calico, flannel", ["pod-annotation"]),
    "none of them": ("[]", ["pod-annotation"]),
    "what cannot be read": ("a b", ["pod-annotation"]),
}


@pytest.mark.parametrize(("text", "expected"), DEFAULTS.values(), ids=DEFAULTS)
def test_another_default_network_is_validated(text: str, expected: list[str]) -> None:
    asked = admission.validate_pod(pod(default=text), None, "default")

    assert expected == rules(asked.findings)
    assert all(finding.path[0] == DEFAULT_NETWORK for finding in asked.findings)


def test_another_default_network_is_looked_for_where_the_settings_say() -> None:
    """Multus' multusNamespace."""
    settings = ValidationSettings(selection=SelectionSettings(namespace="infra"))

    for given, expected in ((validation_settings.DEFAULTS, "kube-system/calico"), (settings, "infra/calico")):
        default = admission.validate_pod(pod(default="calico"), None, "default", given).default

        assert default is not None
        assert expected == default.full_name


def test_isolation_holds_for_another_default_network_too() -> None:
    """Multus looks it up for anybody. Nothing is looked up here, so nothing is told of what is there."""
    settings = ValidationSettings(selection=SelectionSettings(isolated=True))

    for text in ("calico", "other/calico"):
        asked = admission.validate_pod(pod(default=text), None, "lab", settings)
        assert (["pod-isolated"], None) == (rules(asked.findings), asked.default)
    assert () == admission.validate_pod(pod(default="lab/x"), None, "lab", settings).findings


def test_a_default_network_that_no_nad_has_may_stand_on_the_nodes() -> None:
    default = networks_annotation.parse_default("calico", "kube-system")
    assert default is not None

    (finding,) = admission.unknown_default_file(default, {"cbr0"})

    assert ("pod-unknown-network", Severity.WARN, (DEFAULT_NETWORK,)) == (
        finding.rule.id,
        finding.effective_severity,
        finding.path,
    )
    assert [] == admission.unknown_default_file(default, {"calico"})


def test_the_clusters_default_networks_take_their_names_before_the_pods_own() -> None:
    """As in Multus: the place among all of them is the number in the name."""
    settings = ValidationSettings(selection=SelectionSettings(defaults=("storage",)))

    (finding,) = admission.validate_pod(pod("a@net1"), None, "default", settings).findings
    assert (
        "interface 'net1' is asked for, and it is a default network of the cluster's already"
        in finding.problem
    )
    assert ["pod-interface-twice"] == rules(
        admission.validate_pod(pod("a@net3,b"), None, "default", settings).findings
    )
    assert () == admission.validate_pod(pod("a@net1"), None, "kube-system", settings).findings
    skips = pod("a@net1")
    skips["metadata"]["annotations"][SKIP_DEFAULT_NETWORKS] = "true"
    assert () == admission.validate_pod(skips, None, "default", settings).findings


def test_networks_of_a_pod_with_the_nodes_own_network_are_a_warning() -> None:
    asked = admission.validate_pod(pod("a", hostNetwork=True), None, "default")

    assert [("pod-host-network", Severity.WARN)] == [
        (f.rule.id, f.effective_severity) for f in asked.findings
    ]
    assert () == asked.networks
    assert () == admission.validate_pod(pod("a", hostNetwork=False), None, "default").findings
    (finding,) = admission.validate_pod(pod(default="a", hostNetwork=True), None, "default").findings
    assert ("pod-host-network", (DEFAULT_NETWORK,)) == (finding.rule.id, finding.path)


THERE = {("default", "sound"), ("default", "macvlan-conf"), ("one", "far"), ("one", "both"), ("two", "both")}
MEANT = {
    "one like it": (("default", "sonud"), "did you mean `sound`?"),
    "one like it, in another namespace than the pod's": (("one", "boht"), "did you mean `one/both`?"),
    "the same name in another namespace": (("default", "far"), 'write one/far, or "namespace": "one"'),
    "the same name in several": (("default", "both"), "create it, or correct the annotation"),
    "nothing like it": (("default", "nowhere"), "create it, or correct the annotation"),
    "one like it, but elsewhere": (("two", "sonud"), "create it, or correct the annotation"),
}


@pytest.mark.parametrize(("network", "fix"), MEANT.values(), ids=MEANT)
def test_it_is_said_which_network_was_meant(network: tuple[str, str], fix: str) -> None:
    (finding,) = admission.unknown_networks([network], THERE, "default")

    assert finding.fix.startswith(fix)
    assert f"NetworkAttachmentDefinition {network[1]!r} in namespace {network[0]!r}" in finding.problem


def test_all_unknown_networks_are_named() -> None:
    found = admission.unknown_networks([("default", "a"), ("default", "b")], THERE, "default")

    assert ["pod-unknown-network"] * 2 == rules(found)


def test_among_thousands_none_is_looked_for_that_may_be_meant() -> None:
    there = {("default", f"sound{i}") for i in range(1001)}
    (finding,) = admission.unknown_networks([("default", "sonud1")], there, "default")

    assert "did you mean" not in finding.fix


def test_a_network_that_could_not_be_looked_up_is_a_warning() -> None:
    (finding,) = admission.unverified_networks([("a", "b"), ("c", "d")], "the API server is away")

    assert ("pod-uncertain-network", Severity.WARN) == (finding.rule.id, finding.effective_severity)
    assert "a/b, c/d" in finding.problem
    assert "the API server is away" in finding.problem
    assert [] == admission.unverified_networks([], "")


def test_each_problem_of_the_settings_is_a_finding() -> None:
    assert ["settings-broken"] * 2 == rules(admission.settings_findings(["a", "b"]))


HAVING = NodeInventory("has", networks=(NetworkFile("10-a.conflist", "a"),))


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        pytest.param([], None, id="none-has-reported"),
        pytest.param([NodeInventory("old")], None, id="it-is-not-known"),
        pytest.param([HAVING], None, id="there"),
        pytest.param([HAVING, NodeInventory("old")], None, id="not-known-of-one"),
        pytest.param([NodeInventory("bare", networks=())], "no file 'a' on any node, nor", id="nowhere"),
        pytest.param(
            [NodeInventory("b", networks=()), HAVING, NodeInventory("c", networks=())],
            "no file 'a' on b, c, nor a network",
            id="not-everywhere",
        ),
        pytest.param(
            [HAVING, *(NodeInventory(f"n{number}", networks=()) for number in range(7))],
            "on n0, n1, n2, n3, n4 and 2 more, nor",
            id="many",
        ),
    ],
)
def test_of_a_primary_that_nodes_do_not_have(nodes: list[NodeInventory], said: str | None) -> None:
    found = admission.validate_primary_network(SelectionSettings(primary="a"), nodes)

    assert [] == admission.validate_primary_network(SelectionSettings(), nodes)
    assert (said is not None) == bool(found)
    assert said is None or said in found[0].problem
