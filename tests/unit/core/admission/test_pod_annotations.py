"""Annotations and fields that nobody reads, but that look like requests for networks."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core import admission
from netattach_core.admission import pod_annotations
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, FIELDS, NETWORKS
from netattach_core.text import json_document, suggestions

MISSPELT = "k8s.v1.cncf.io/networks"


def pod(**annotations: str) -> dict[str, object]:
    return {"metadata": {"annotations": annotations}}


def rules(body: dict[str, object], before: dict[str, object] | None = None) -> list[str]:
    return [each.rule.id for each in admission.validate_pod(body, before, "lab").findings]


def test_a_misspelt_key_is_reported_once_it_is_new() -> None:
    """A pod that runs with it is not refused, nor warned of again with each change."""
    assert ["pod-annotation-misspelt"] == rules(pod(**{MISSPELT: "a"}))
    assert [] == rules(pod(**{MISSPELT: "b"}), pod(**{MISSPELT: "a"}))


def test_a_misspelt_key_next_to_the_right_one_has_no_finding() -> None:
    assert [] == rules(pod(**{MISSPELT: "a", NETWORKS: "a"}))


@pytest.mark.parametrize(
    "key", [f"{MISSPELT}x" * 40, "cncf.io/", "/networks", "networks", "", "cni.x/a/networks/b"]
)
def test_other_keys_have_no_findings(key: str) -> None:
    assert [] == rules(pod(**{key: "a"}))


def test_no_more_than_twenty_findings_are_about_keys() -> None:
    keys = {f"k8s.v{number}.cncf.io/networks": "a" for number in range(1000)}

    assert 20 == len(list(pod_annotations.check_keys(keys, {})))


def test_no_more_than_two_hundred_keys_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand that are similar to one of ours, and not meant to be it, would take a second."""
    compared = []
    monkeypatch.setattr(suggestions, "closest", lambda name, _: compared.append(name))

    assert [] == list(pod_annotations.check_keys({f"cncf.io/network-{n}sat": "a" for n in range(1000)}, {}))
    assert 200 == len(compared)


def test_a_misspelt_key_is_found_among_hundreds_of_others() -> None:
    others = {f"{domain}/note-{n}": "a" for n in range(190) for domain in ("example.com", "cni.example.com")}
    (finding,) = pod_annotations.check_keys({**others, MISSPELT: "a"}, {})

    assert (MISSPELT,) == finding.path


@given(st.text(max_size=60))
def test_any_key_is_looked_at(key: str) -> None:
    for finding in pod_annotations.check_keys({key: "a"}, {}):
        assert finding.fix.startswith("did you mean `")


@pytest.mark.parametrize("text", ["a", "", "[", "5", '{"a": 1}', "[5, null]", '[{"name": "a"}]'])
def test_texts_without_unread_fields_have_no_findings(text: str) -> None:
    assert [] == list(pod_annotations.check_fields(NETWORKS, text))


def test_no_more_than_a_hundred_fields_are_looked_at() -> None:
    text = json.dumps([{"interfaceName": "a"}] * 1000)

    assert 100 == len(list(pod_annotations.check_fields(NETWORKS, text)))


def test_each_key_of_an_element_with_many_fields_is_folded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields times members took most of a second for a text of 58 KB."""
    count = 5000
    text = "[{" + ",".join(f'"{number}":1' for number in range(count)) + "}]"
    calls = []

    def counted(key: str) -> str:
        calls.append(key)
        return json_document.folded(key)

    monkeypatch.setattr(pod_annotations, "folded", counted)

    assert [] == list(pod_annotations.check_fields(NETWORKS, text))
    assert count <= len(calls) < count + 200


def test_a_field_whose_meaning_is_there_already_has_no_finding() -> None:
    assert [] == list(pod_annotations.check_fields(NETWORKS, '[{"interface": "a", "interfaceName": "a"}]'))


@given(
    st.lists(st.dictionaries(st.one_of(st.text(max_size=12), st.sampled_from(FIELDS)), st.none()), max_size=3)
)
def test_findings_have_the_place_of_the_field(elements: list[dict[str, None]]) -> None:
    text = json.dumps(elements)
    for finding in pod_annotations.check_fields(NETWORKS, text):
        assert finding.offset is not None
        assert '"' == text[finding.offset]


@pytest.mark.parametrize("key", [NETWORKS, DEFAULT_NETWORK])
def test_an_annotation_of_the_owner_is_reported_where_its_pods_lack_it(key: str) -> None:
    (finding,) = pod_annotations.check_owner(pod(**{key: "a"}), pod())

    assert "pod-annotation-misplaced" == finding.rule.id
    assert [] == list(pod_annotations.check_owner(pod(**{key: "a"}), pod(**{key: "b"})))
    assert [] == list(pod_annotations.check_owner({}, {}))
