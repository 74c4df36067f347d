"""Networks and pods in files are held against the policy of their namespace, as at admission."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netattach_core import admission
from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE, API_VERSION, KIND
from netattach_core.policy import levels
from netattach_core.policy.levels import ENFORCE_LABEL
from netattach_kube import cluster_settings
from unit.cli.samples import Netattach, nad

SETTINGS = "policy: {limits: {pluginsPerNetwork: 1, networksPerPod: 1}}"
TWO_PLUGINS = json.dumps(
    {
        "cniVersion": "1.0.0",
        "name": "net",
        "plugins": [{"type": "macvlan", "master": "eth1"}, {"type": "tuning", "mtu": 1400}],
    }
)
POD = """
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations: {k8s.v1.cni.cncf.io/networks: "a, b"}
"""


def config_map(text: str) -> str:
    metadata = {"name": cluster_settings.NAME, "namespace": cluster_settings.NAMESPACE}
    return json.dumps({"kind": "ConfigMap", "metadata": metadata, "data": {cluster_settings.KEY: text}})


def namespace(level: str, name: str = "lab") -> str:
    return json.dumps({"kind": "Namespace", "metadata": {"name": name, "labels": {ENFORCE_LABEL: level}}})


@pytest.mark.parametrize("settings", [SETTINGS, config_map(SETTINGS)], ids=["text", "ConfigMap"])
def test_the_settings_of_a_cluster_apply(netattach: Netattach, tmp_path: Path, settings: str) -> None:
    (tmp_path / "settings.yaml").write_text(settings)
    (tmp_path / "net.yaml").write_text(nad("net", TWO_PLUGINS))

    assert 0 == netattach("lint", "net.yaml")[0]
    status, out, _ = netattach("lint", "--settings", "settings.yaml", "net.yaml")

    assert 1 == status
    assert "deny [policy-too-many-plugins] lab/net plugins" in out


def test_a_pods_requests_are_held_against_the_policy_of_its_namespace(
    netattach: Netattach, tmp_path: Path
) -> None:
    (tmp_path / "settings.yaml").write_text(
        "policy: {default: privileged, limits: {networksPerPod: 1}, namespaces: [{match: [shop], level: baseline}]}"
    )
    (tmp_path / "pod.yaml").write_text(POD)
    arguments = ("lint", "--settings", "settings.yaml", "pod.yaml")

    assert 0 == netattach(*arguments)[0]
    status, out, _ = netattach(*arguments, "--namespace", "shop")

    assert 1 == status
    assert "deny [policy-too-many-networks]" in out


@pytest.mark.parametrize("first", [True, False])
def test_the_labels_of_a_namespace_in_the_same_file_decide(
    netattach: Netattach, tmp_path: Path, *, first: bool
) -> None:
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    parts = [namespace("privileged"), nad("net", TWO_PLUGINS)]
    (tmp_path / "net.yaml").write_text("\n---\n".join(parts if first else reversed(parts)))

    assert 0 == netattach("lint", "--settings", "settings.yaml", "net.yaml")[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("policy: {default: strict}", "policy.default: 'strict' is not one of"),
        ("{", "not YAML"),
        (config_map("policy: {mode: off}"), "policy.mode"),
        ("validation: {severities: {policy-too-many-plugins: off}}", "policy decides on this rule"),
    ],
)
def test_settings_that_cannot_be_read_are_an_error_of_the_file(
    netattach: Netattach, tmp_path: Path, text: str, problem: str
) -> None:
    (tmp_path / "settings.yaml").write_text(text)
    (tmp_path / "net.yaml").write_text(nad("net"))

    status, _, errors = netattach("lint", "--settings", "settings.yaml", "net.yaml")

    assert 2 == status
    assert "settings.yaml" in errors
    assert problem in errors


@pytest.mark.parametrize("label", ["privileged", "baseline", "restricted"])
@pytest.mark.parametrize(
    "config", [TWO_PLUGINS, '{"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1"}']
)
def test_lint_and_admission_say_the_same_under_the_same_settings(
    netattach: Netattach, tmp_path: Path, config: str, label: str
) -> None:
    settings = cluster_settings.parse(SETTINGS)
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    (tmp_path / "net.yaml").write_text(f"{namespace(label)}\n---\n{nad('net', config)}")
    body = {"metadata": {"name": "net", "namespace": "lab"}, "spec": {"config": config}}
    policy = levels.of_namespace(settings.policy, "lab", {ENFORCE_LABEL: label})

    _, out, _ = netattach("lint", "--output", "json", "--settings", "settings.yaml", "net.yaml")
    expected = admission.validate_nad(body, None, (), settings=settings.validation, policy=policy)

    found = [(each["rule"], each["severity"], each["problem"]) for each in json.loads(out)["findings"]]
    wanted = [(each.rule.id, each.effective_severity.value, each.problem) for each in expected]
    assert [each for each in wanted if each[0] != "inventory-missing"] == found


def test_an_exemption_that_has_no_effect_is_reported_at_its_place(
    netattach: Netattach, tmp_path: Path
) -> None:
    config = json.dumps({"cniVersion": "1.0.0", "name": "net", "type": "macvlan", "master": "eth1"})
    metadata = {"name": "net", "namespace": "lab", "annotations": {ALLOW_DEFAULT_INTERFACE: "true"}}
    kind = {"apiVersion": API_VERSION, "kind": KIND}
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    (tmp_path / "net.yaml").write_text(json.dumps({**kind, "metadata": metadata, "spec": {"config": config}}))

    status, out, _ = netattach("lint", "--settings", "settings.yaml", "net.yaml")

    assert 0 == status
    assert f"warn [policy-self-exemption] lab/net metadata.annotations.{ALLOW_DEFAULT_INTERFACE}" in out
