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
        pytest.param(
            """'[{"name": "a"}, {"name": 5}]'""", '{"name": 5}', "element 1: `name`", id="an element"
        ),
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
    assert f"deny [pod-annotation] Pod web {NETWORKS}\n  {problem}" in out
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
    assert f"deny [pod-annotation] {kind} web {NETWORKS}\n" in out
    assert "A" == text_at_caret(out)


def test_the_pod_template_of_a_cron_job_is_found(netattach: Netattach) -> None:
    head = (
        "kind: CronJob\nmetadata: {name: tick}\nspec:\n  jobTemplate:\n    spec:\n      template:\n        "
    )
    status, out = lint(netattach, head + annotated("A", 10))

    assert 1 == status
    assert "A" == text_at_caret(out)
    assert "deny [pod-annotation] CronJob tick" in out


def test_an_annotation_of_the_deployment_itself_is_ignored(netattach: Netattach) -> None:
    text = pod("A").replace("kind: Pod", "kind: Deployment")

    assert (0, "0 NADs: nothing to validate\n") == lint(netattach, text)


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
