"""Objects that `netattach lint` treats as NADs, and mistakes in them that no webhook sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.cli.samples import Netattach, nad, text_at_caret

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
    "a config without a kind": "metadata: {name: a}\nspec: {config: 'level=debug'}\n",
    "an empty list": f"apiVersion: {VERSION}\nkind: {KIND}List\nitems: []\n",
}


@pytest.mark.parametrize("version", ["k8s.cni.cncf.io/v1beta1", "k8s.cni.cncf.io", "v1", "1"])
def test_an_unknown_api_version_is_refused(netattach: Netattach, version: str) -> None:
    """A missing one is only a warning: the tool that applies the file may add it."""
    Path("a.yaml").write_text(GOOD.replace(VERSION, version))
    status, out, _ = netattach("lint", "a.yaml")

    assert 1 == status
    assert out.startswith("a.yaml:1:13: deny [object-shape] lab/a apiVersion\n")
    assert f"the API server has no {KIND} in `{version}`" in out
    assert f"fix: did you mean `{VERSION}`?" in out


@pytest.mark.parametrize("kind", [f"{KIND}s", "networkAttachmentDefinition", "network-attachment-definition"])
@pytest.mark.parametrize("argument", ["a.yaml", "."])
def test_a_misspelt_kind_is_refused(netattach: Netattach, argument: str, kind: str) -> None:
    """And the object is validated nevertheless, also in a folder."""
    Path("a.yaml").write_text(GOOD.replace(KIND, kind).replace('"bridge": "br1"', '"vlan": "7"'))
    status, out, _ = netattach("lint", argument)

    assert 1 == status
    assert f"[object-shape] lab/a kind\n  the API server has no kind `{kind}`\n" in out
    assert f"fix: did you mean `{KIND}`?" in out
    assert "deny [schema] lab/a vlan" in out
    assert out.endswith("1 NAD: 1 refused\n")


@pytest.mark.parametrize(
    ("removed", "problem", "fix"),
    [
        (f"kind: {KIND}\n", "the object has no `kind`; kubectl refuses it", f"write `kind: {KIND}`"),
        (
            f"apiVersion: {VERSION}\n",
            "the object has no `apiVersion`; kubectl refuses it",
            f"write `apiVersion: {VERSION}`",
        ),
    ],
)
def test_a_missing_kind_or_version_is_a_warning(
    netattach: Netattach, removed: str, problem: str, fix: str
) -> None:
    """And the object is validated nevertheless."""
    text = GOOD.replace(removed, "").replace('"bridge": "br1"', '"vlan": "7"')
    assert removed in GOOD
    Path("a.yaml").write_text(text)
    status, out, _ = netattach("lint", "a.yaml")

    assert 1 == status
    assert f"warn [object-shape] lab/a {removed.partition(':')[0]}\n  {problem}\n" in out
    assert f"fix: {fix}\n" in out
    assert "deny [schema] lab/a vlan" in out


def test_a_config_without_kind_and_version_is_a_nad(netattach: Netattach) -> None:
    text = GOOD.replace(f"kind: {KIND}\n", "").replace(f"apiVersion: {VERSION}\n", "")
    Path("a.yaml").write_text(text)

    assert "1 NAD: 1 with warnings" in netattach("lint", "a.yaml")[1]


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_objects_of_other_kinds_are_skipped(netattach: Netattach, other: str) -> None:
    Path("a.yaml").write_text(other)

    assert (0, "0 NADs: nothing to validate\n", "") == netattach("lint", "a.yaml")


@pytest.mark.parametrize("metadata", ["metadata: {}", "metadata:", 'metadata: {name: ""}'])
def test_a_nad_without_a_name_is_refused(netattach: Netattach, metadata: str) -> None:
    """And has no generateName either."""
    status, out, _ = lint_metadata(netattach, metadata)

    assert 1 == status
    assert "deny [object-shape] metadata.name\n  the object has no name; the API server rejects it" in out
    assert "1 NAD: 1 refused\n" in out


@pytest.mark.parametrize("metadata", ["metadata: {name: a}", "metadata: {generateName: a-}"])
def test_a_nad_with_a_name_or_a_generated_name_is_accepted(netattach: Netattach, metadata: str) -> None:
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
def test_a_mistake_outside_of_the_config_is_shown_at_its_place(
    netattach: Netattach, pointed: str, text: str
) -> None:
    Path("a.yaml").write_text(text)

    assert text_at_caret(netattach("lint", "a.yaml")[1]).startswith(pointed)
