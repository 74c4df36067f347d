"""Objects that `netattach lint` takes for NADs, and what it says of them that no webhook can."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.cli.desk import Netattach, nad, pointed_at

VERSION, KIND = "k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition"
GOOD = nad("a")

OTHERS = {
    "the definition of the kind": (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: network-attachment-definitions.k8s.cni.cncf.io}\n"
        f"spec: {{names: {{kind: {KIND}, plural: network-attachment-definitions}}}}\n"
    ),
    "another kind of the group": (
        "apiVersion: k8s.cni.cncf.io/v1beta1\nkind: MultiNetworkPolicy\nmetadata: {name: p}\nspec: {config: x}\n"
    ),
    "a kustomization": (
        f"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\npatches: [{{target: {{kind: {KIND}}}}}]\n"
    ),
    "values of a chart": "networkAttachmentDefinition:\n  kind: bridge\n  config: x\n",
    "an empty list": f"apiVersion: {VERSION}\nkind: {KIND}List\nitems: []\n",
}


@pytest.mark.parametrize("version", ["k8s.cni.cncf.io/v1beta1", "k8s.cni.cncf.io", "v1", "1"])
def test_a_version_that_there_is_none_of_is_refused(netattach: Netattach, version: str) -> None:
    """The API server does not know it; a version that is left out may be filled in by whoever applies it."""
    Path("a.yaml").write_text(GOOD.replace(VERSION, version))
    code, out, _ = netattach("lint", "a.yaml")

    assert 1 == code
    assert out.startswith("a.yaml:1:13: deny [object-shape] lab/a apiVersion\n")
    assert f"the API server knows no {KIND} in `{version}`" in out
    assert f"fix: did you mean `{VERSION}`?" in out


@pytest.mark.parametrize("kind", [f"{KIND}s", "networkAttachmentDefinition", "network-attachment-definition"])
@pytest.mark.parametrize("argument", ["a.yaml", "."])
def test_a_kind_that_was_meant_is_refused(netattach: Netattach, argument: str, kind: str) -> None:
    """And validated; in a folder too, whose files may be about anything."""
    Path("a.yaml").write_text(GOOD.replace(KIND, kind).replace('"bridge": "br1"', '"vlan": "7"'))
    code, out, _ = netattach("lint", argument)

    assert 1 == code
    assert f"[object-shape] lab/a kind\n  the API server knows no kind `{kind}`\n" in out
    assert f"fix: did you mean `{KIND}`?" in out
    assert "deny [schema] lab/a vlan" in out
    assert out.endswith("1 NAD: 1 refused\n")


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_objects_of_other_kinds_are_passed_over(netattach: Netattach, other: str) -> None:
    Path("a.yaml").write_text(other)

    assert (0, "0 NADs: nothing to validate\n", "") == netattach("lint", "a.yaml")


@pytest.mark.parametrize("metadata", ["metadata: {}", "metadata:", 'metadata: {name: ""}'])
def test_a_nad_without_a_name_is_refused(netattach: Netattach, metadata: str) -> None:
    """Nobody is there who would make one."""
    code, out, _ = lint_metadata(netattach, metadata)

    assert 1 == code
    assert (
        "deny [object-shape] metadata.name\n  the object has no name; the API server does not take it" in out
    )
    assert "1 NAD: 1 refused\n" in out


@pytest.mark.parametrize("metadata", ["metadata: {name: a}", "metadata: {generateName: a-}"])
def test_a_nad_may_leave_the_end_of_its_name_to_the_api_server(netattach: Netattach, metadata: str) -> None:
    assert (0, "1 NAD: nothing wrong\n", "") == lint_metadata(netattach, metadata)


def lint_metadata(netattach: Netattach, metadata: str) -> tuple[int, str, str]:
    before, _, rest = GOOD.partition("metadata:\n")
    Path("a.yaml").write_text(f"{before}{metadata}\n{rest[rest.index('spec:') :]}")
    return netattach("lint", "a.yaml")


@pytest.mark.parametrize(
    ("pointed", "text"),
    [
        ("My_Net", GOOD.replace("name: a", "name: My_Net")),
        ("5", GOOD.replace("namespace: lab", "annotations: {a/b: 5}")),
        ("x y", GOOD.replace("namespace: lab", "annotations:\n    netattach.io/node-selector: x y")),
        ("|", GOOD.replace("config:", "conf:")),
    ],
)
def test_what_is_wrong_around_a_configuration_is_shown_where_it_stands(
    netattach: Netattach, pointed: str, text: str
) -> None:
    Path("a.yaml").write_text(text)

    assert pointed_at(netattach("lint", "a.yaml")[1]).startswith(pointed)
