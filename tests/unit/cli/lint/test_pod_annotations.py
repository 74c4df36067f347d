"""Findings of `netattach lint` in pods, and in objects that create pods."""

from __future__ import annotations

from pathlib import Path

import pytest

from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from unit.cli.samples import Netattach, nad, text_at_caret


def annotated(value: str, indent: int = 2) -> str:
    return f"metadata:\n  annotations:\n    {NETWORKS}: {value}\n".replace("\n", "\n" + " " * indent).rstrip(
        " "
    )


def pod(value: str, more: str = "") -> str:
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n    {NETWORKS}: {value}\n{more}"
    )


def lint(netattach: Netattach, text: str) -> tuple[int, str]:
    Path("pods.yaml").write_text(text)
    status, out, err = netattach("lint", "pods.yaml")
    assert not err
    return status, out


@pytest.mark.parametrize("value", ["a, other/b@lan", '[{"name": "a"}]', '""'])
def test_a_valid_annotation_has_no_findings(netattach: Netattach, value: str) -> None:
    """Whether the networks exist is not known offline."""
    text = pod(value if value[0] != "[" else f"'{value}'")

    assert (0, "1 NAD, 1 pod: nothing wrong\n") == lint(netattach, f"{nad('a')}---\n{text}")


def test_pods_that_ask_for_no_networks_are_skipped(netattach: Netattach) -> None:
    assert (0, "0 NADs: nothing to validate\n") == lint(netattach, "kind: Pod\nmetadata: {name: a}\n")


@pytest.mark.parametrize(
    ("value", "place", "problem"),
    [
        pytest.param("a, b@eth/0, c", "b@eth/0, c", "`b@eth/0`: interface name", id="the second of several"),
        pytest.param("a,,c", ",c", "`` is not a network", id="an empty one"),
        pytest.param(r'"a,\tB"', 'B"', "`B` is not a network", id="after an escape"),
        pytest.param("""'[{"name": "a",}]'""", ",}]'", "line 1, column 14: a comma before", id="not JSON"),
        pytest.param("""'[{"name": "a"}, {"name": 5}]'""", "5}]", "element 1: `name`", id="an element"),
        pytest.param("""'{"name": "a"}'""", '{"name"', "the JSON form must be a list", id="not a list"),
        pytest.param("[{name: a}]", "[{name", "the annotation is YAML", id="a list of YAML"),
        pytest.param("5", "5", "the annotation is 5", id="a number"),
    ],
)
def test_an_invalid_annotation_is_shown_at_its_place(
    netattach: Netattach, value: str, place: str, problem: str
) -> None:
    status, out = lint(netattach, pod(value))

    assert 1 == status
    assert f"deny [pod-annotation] Pod web {NETWORKS}" in out
    assert f"\n  {problem}" in out
    assert text_at_caret(out).startswith(place)
    assert out.endswith("0 NADs, 1 pod: 1 refused\n")


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"])
def test_pod_templates_are_validated_like_pods(netattach: Netattach, kind: str) -> None:
    """So mistakes show up before anything is applied, and not only in pods that a controller creates."""
    template = annotated("A", 6)
    status, out = lint(
        netattach, f"kind: {kind}\nmetadata: {{name: web}}\nspec:\n  template:\n    {template}"
    )

    assert 1 == status
    assert "pods.yaml:7:" in out
    assert f"deny [pod-annotation] {kind} web {NETWORKS}[0]\n" in out
    assert "A" == text_at_caret(out)


def test_the_pod_template_of_a_cron_job_is_found(netattach: Netattach) -> None:
    head = (
        "kind: CronJob\nmetadata: {name: tick}\nspec:\n  jobTemplate:\n    spec:\n      template:\n        "
    )
    status, out = lint(netattach, head + annotated("A", 10))

    assert 1 == status
    assert "A" == text_at_caret(out)
    assert "deny [pod-annotation] CronJob tick" in out


def test_an_annotation_of_the_deployment_itself_is_a_warning(netattach: Netattach) -> None:
    """Its pods do not get it."""
    status, out = lint(
        netattach, pod("a", "spec: {template: {metadata: {}}}\n").replace("kind: Pod", "kind: Deployment")
    )

    assert 0 == status
    assert f"pods.yaml:6:34: warn [pod-annotation-misplaced] Deployment web {NETWORKS}\n" in out
    assert "a" == text_at_caret(out)
    assert out.endswith("0 NADs, 1 pod: 1 with warnings\n")


def test_all_mistakes_of_an_annotation_are_shown_each_at_its_place(netattach: Netattach) -> None:
    value = """[{"name": "A", "ips": ["1.2.3"]}, {"name": "b", "mac": 5}, "c"]"""
    status, out = lint(netattach, pod(f"'{value}'"))
    places = [line.partition(": deny")[0] for line in out.splitlines() if "deny [pod-annotation]" in line]
    start = len(f"    {NETWORKS}: '") + 1

    assert 1 == status
    texts = ('"A"', '["1.2.3"]', "5}", '"c"')
    assert [f"pods.yaml:6:{start + value.index(each)}" for each in texts] == places
    assert f"Pod web {NETWORKS}[0].ips\n" in out


def test_all_mistakes_of_a_list_are_shown(netattach: Netattach) -> None:
    _, out = lint(netattach, pod("A, b, c@eth/0, D/e/f"))

    assert 3 == out.count("deny [pod-annotation]")
    assert f"Pod web {NETWORKS}[3]\n" in out


@pytest.mark.parametrize(
    ("field", "meant"),
    [("interfaceName", "interface"), ("ipRequest", "ips"), ("macAddress", "mac"), ("nmaespace", "namespace"),
     ("cniArgs", "cni-args"), ("defaultRoute", "default-route")],
)  # fmt: skip
def test_a_misspelt_field_is_a_warning(netattach: Netattach, field: str, meant: str) -> None:
    status, out = lint(netattach, pod(f"""'[{{"name": "a", "{field}": "x"}}]'"""))

    assert 0 == status
    assert f"warn [pod-field-misspelt] Pod web {NETWORKS}[0].{field}\n" in out
    assert f"fix: did you mean `{meant}`?" in out
    assert text_at_caret(out).startswith(f'"{field}"')


@pytest.mark.parametrize("field", ["NAME", "interfaceRequest", "deviceId", "some-other-program", "x"])
def test_fields_in_another_case_and_of_other_programs_have_no_findings(
    netattach: Netattach, field: str
) -> None:
    text = pod(f"""'[{{"name": "a", "{field}": "b"}}]'""")

    assert (0, "0 NADs, 1 pod: nothing wrong\n") == lint(netattach, text)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("k8s.v1.cni.cncf.io/network", NETWORKS),
        ("k8s.v1.cncf.io/networks", NETWORKS),
        ("k8s.cni.cncf.io/networks", NETWORKS),
        ("v1.multus-cni.io/default-networks", DEFAULT_NETWORK),
    ],
)
@pytest.mark.parametrize("argument", ["pods.yaml", "."])
def test_a_misspelt_annotation_is_a_warning(
    netattach: Netattach, key: str, meant: str, argument: str
) -> None:
    """Also in a folder, and of a pod that has no other one."""
    Path("pods.yaml").write_text(pod("a").replace(NETWORKS, key))
    status, out, _ = netattach("lint", argument)

    assert 0 == status
    assert f"warn [pod-annotation-misspelt] Pod web {key}\n" in out
    assert f"fix: did you mean `{meant}`?" in out


@pytest.mark.parametrize(
    "key", ["k8s.v1.cni.cncf.io/network-status", "k8s.v1.cni.cncf.io/networks-status", "example.com/networks",
            "k8s.v1.cni.cncf.io/resourceName", "networks"],
)  # fmt: skip
def test_annotations_of_others_have_no_findings(netattach: Netattach, key: str) -> None:
    assert (0, "0 NADs: nothing to validate\n") == lint(netattach, pod("a").replace(NETWORKS, key))


def test_networks_of_a_pod_with_host_network_are_a_warning(netattach: Netattach) -> None:
    status, out = lint(netattach, pod("a", "spec:\n  hostNetwork: true\n"))

    assert 0 == status
    assert "warn [pod-host-network] Pod web" in out
    assert "a" == text_at_caret(out)


def test_a_default_network_annotation_is_validated(netattach: Netattach) -> None:
    status, out = lint(netattach, pod("a", f"    {DEFAULT_NETWORK}: b@net0\n"))

    assert 1 == status
    assert f"deny [pod-default-network] Pod web {DEFAULT_NETWORK}[0]\n" in out


@pytest.mark.parametrize(
    "body", ["spec: 5", "spec: {template: [a]}", "spec: {template: {metadata: []}}", "spec:"]
)
def test_a_pod_template_of_another_shape_is_skipped(netattach: Netattach, body: str) -> None:
    """The API server reports what is wrong with it."""
    assert (0, "0 NADs: nothing to validate\n") == lint(netattach, f"kind: Deployment\n{body}\n")
