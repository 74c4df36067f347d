"""What `netattach lint` says of pods, and of what makes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from unit.cli.desk import Netattach, nad, pointed_at


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
    code, out, err = netattach("lint", "pods.yaml")
    assert not err
    return code, out


@pytest.mark.parametrize("value", ["a, other/b@lan", '[{"name": "a"}]', '""'])
def test_a_right_annotation_is_counted_and_no_more(netattach: Netattach, value: str) -> None:
    """Whether the networks are there, nobody knows offline."""
    text = pod(value if value[0] != "[" else f"'{value}'")

    assert (0, "1 NAD, 1 pod: nothing wrong\n") == lint(netattach, f"{nad('a')}---\n{text}")


def test_pods_that_ask_for_nothing_are_passed_over(netattach: Netattach) -> None:
    assert (0, "0 NADs: nothing to validate\n") == lint(netattach, "kind: Pod\nmetadata: {name: a}\n")


@pytest.mark.parametrize(
    ("value", "place", "problem"),
    [
        pytest.param("a, b@eth/0, c", "b@eth/0, c", "`b@eth/0`: interface name", id="the second of several"),
        pytest.param("a,,c", ",c", "`` is not a network", id="an empty one"),
        pytest.param(r'"a,\tB"', 'B"', "`B` is not a network", id="behind an escape"),
        pytest.param("""'[{"name": "a",}]'""", ",}]'", "line 1, column 14: a comma before", id="no JSON"),
        pytest.param(
            """'[{"name": "a"}, {"name": 5}]'""", '{"name": 5}', "element 1: `name`", id="an element"
        ),
        pytest.param("""'{"name": "a"}'""", '{"name"', "the JSON form must be a list", id="no list"),
        pytest.param("[{name: a}]", "[{name", "the annotation is YAML", id="a list of YAML"),
        pytest.param("5", "5", "the annotation is 5", id="a number"),
    ],
)
def test_a_broken_annotation_is_shown_at_its_place(
    netattach: Netattach, value: str, place: str, problem: str
) -> None:
    code, out = lint(netattach, pod(value))

    assert 1 == code
    assert f"deny [pod-annotation] Pod web {NETWORKS}\n  {problem}" in out
    assert pointed_at(out).startswith(place)
    assert out.endswith("0 NADs, 1 pod: 1 refused\n")


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"])
def test_templates_are_validated_like_the_pods_that_come_of_them(netattach: Netattach, kind: str) -> None:
    """So the mistake is seen before anything is applied, and not on pods that nobody is looking at."""
    template = annotated("A", 6)
    code, out = lint(netattach, f"kind: {kind}\nmetadata: {{name: web}}\nspec:\n  template:\n    {template}")

    assert 1 == code
    assert "pods.yaml:7:" in out
    assert f"deny [pod-annotation] {kind} web {NETWORKS}\n" in out
    assert "A" == pointed_at(out)


def test_the_template_of_a_cron_job_lies_deeper(netattach: Netattach) -> None:
    head = (
        "kind: CronJob\nmetadata: {name: tick}\nspec:\n  jobTemplate:\n    spec:\n      template:\n        "
    )
    code, out = lint(netattach, head + annotated("A", 10))

    assert 1 == code
    assert "A" == pointed_at(out)
    assert "deny [pod-annotation] CronJob tick" in out


def test_an_annotation_of_the_deployment_itself_is_not_the_pods(netattach: Netattach) -> None:
    text = pod("A").replace("kind: Pod", "kind: Deployment")

    assert (0, "0 NADs: nothing to validate\n") == lint(netattach, text)


def test_networks_of_a_pod_of_the_hosts_network_are_a_warning(netattach: Netattach) -> None:
    code, out = lint(netattach, pod("a", "spec:\n  hostNetwork: true\n"))

    assert 0 == code
    assert "warn [pod-host-network] Pod web" in out
    assert "a" == pointed_at(out)


def test_another_default_network_is_validated_as_in_the_cluster(netattach: Netattach) -> None:
    code, out = lint(netattach, pod("a", f"    {DEFAULT_NETWORK}: b@net0\n"))

    assert 1 == code
    assert f"deny [pod-default-network] Pod web {DEFAULT_NETWORK}[0]\n" in out


@pytest.mark.parametrize(
    "body", ["spec: 5", "spec: {template: [a]}", "spec: {template: {metadata: []}}", "spec:"]
)
def test_a_template_of_another_shape_is_passed_over(netattach: Netattach, body: str) -> None:
    """The API server says what is wrong with it."""
    assert (0, "0 NADs: nothing to validate\n") == lint(netattach, f"kind: Deployment\n{body}\n")
