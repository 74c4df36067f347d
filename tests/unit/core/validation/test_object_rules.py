"""The object around a configuration: what the API server refuses, and configurations in the wrong place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.text.finding import Severity, path_text
from netattach_core.validation.validator import validate
from support.validation import bridge, config, ids

CONFIG = json.dumps(bridge())
RESOURCE = "k8s.v1.cni.cncf.io/resourceName"


def an_object(**parts: Any) -> dict[str, Any]:
    """A valid NAD with some parts replaced."""
    return {"metadata": {"name": "net"}, "spec": {"config": CONFIG}, **parts}


def named(**metadata: Any) -> dict[str, Any]:
    return an_object(metadata={"name": "net", **metadata})


CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("spec", an_object(spec=CONFIG), an_object(spec={})),
    ("spec", an_object(spec=[{"config": CONFIG}]), an_object(spec=None)),
    ("metadata", an_object(metadata=["net"]), an_object(metadata={})),
    ("metadata.name", named(name="MyNet"), named(name="mynet")),
    ("metadata.name", named(name="my_net"), named(name="my-net.1")),
    ("metadata.name", named(name="ns/net"), named(namespace="ns")),
    ("metadata.name", named(name="net-"), named(name=None, generateName="net-")),
    ("metadata.name", named(name="x" * 254), named(name="x" * 253)),
    ("metadata.name", named(name=5), named(name="5")),
    ("metadata.generateName", {"metadata": {"generateName": "My-"}}, {"metadata": {"generateName": "a."}}),
    (
        f"metadata.annotations.{RESOURCE}",
        named(annotations={RESOURCE: 5}),
        named(annotations={RESOURCE: "5"}),
    ),
    ("metadata.annotations.a", named(annotations={"a": ["b"]}), named(annotations={"a": None})),
    ("metadata.annotations.a", named(annotations={"a": {"b": "c"}}), named(annotations={"a": '{"b": "c"}'})),
    ("metadata.annotations", named(annotations=["a"]), named(annotations=None)),
    ("metadata.labels.a", named(labels={"a": True}), named(labels={"a": "true"})),
    ("metadata.labels.a", named(labels={"a": "blue/green"}), named(labels={"a": "blue_green.1"})),
    ("metadata.labels.a", named(labels={"a": "-x"}), named(labels={"a": ""})),
    ("metadata.labels.a", named(labels={"a": "x" * 64}), named(labels={"a": "x" * 63})),
    ("metadata.labels.a b", named(labels={"a b": "x"}), named(labels={"lab.example/a_b": "x"})),
    (
        "metadata.annotations.a/b/c",
        named(annotations={"a/b/c": "x"}),
        named(annotations={"a/b.c": "a/b/c -"}),
    ),
    ("metadata.namespace", named(namespace=5), named(namespace="5")),
    ("metadata.namespace", named(namespace="Lab"), named(namespace="lab")),
    ("metadata.namespace", named(namespace="lab.one"), named(namespace="lab-1")),
    ("metadata.namespace", named(namespace="x" * 64), named(namespace="x" * 63)),
]


@pytest.mark.parametrize(("path", "body"), [(path, bad) for path, bad, _ in CASES])
def test_what_the_api_server_rejects_is_denied_with_its_path(path: str, body: dict[str, Any]) -> None:
    (found,) = (finding for finding in validate(body) if finding.rule.id == "object-shape")

    assert (path, Severity.DENY) == (path_text(found.path), found.effective_severity)
    assert "the API server refuses it" in found.problem
    assert found.fix


@pytest.mark.parametrize("body", [good for *_, good in CASES])
def test_what_the_api_server_accepts_is_not_denied(body: dict[str, Any]) -> None:
    """Fields that it fills in itself may be missing."""
    assert not {"object-shape", "config-misplaced"} & ids(validate(body))


@pytest.mark.parametrize(
    ("fix", "body"),
    [
        ("use only lower-case letters, digits, '-' and '.': my-net", named(name="My_Net")),
        ("write `name: net` and, on a separate line, `namespace: ns`", named(name="ns/net")),
        ("put it in quotes: '5'", named(annotations={RESOURCE: 5})),
        ("put it in quotes: '5'", named(namespace=5)),
        ("use only lower-case letters, digits and '-': my-lab", named(namespace="My_Lab")),
        ("write only the string: intel.com/x", named(annotations={RESOURCE: ["intel.com/x"]})),
        ("remove the dash before `config`", an_object(spec=[{"config": CONFIG}])),
    ],
)
def test_the_fix_for_an_object(fix: str, body: dict[str, Any]) -> None:
    assert [fix] == [finding.fix for finding in validate(body)]


MISSPELT: list[tuple[str, dict[str, Any]]] = [
    (
        "metadata.annotations.k8s.v1.cni.cncf.io/resourcename",
        {"annotations": {RESOURCE.lower(): "intel.com/x"}},
    ),
    (
        "metadata.annotations.k8s.v1.cni.cncf.io/resource-name",
        {"annotations": {f"{RESOURCE[:-12]}resource-name": "x"}},
    ),
    (
        "metadata.annotations.k8s.v1.cni.cncf.io/resourceNames",
        {"annotations": {f"{RESOURCE}s": "intel.com/x"}},
    ),
    ("metadata.annotations.resourceName", {"annotations": {"resourceName": "intel.com/x"}}),
    (
        "metadata.annotations.k8s.cni.cncf.io/resourceName",
        {"annotations": {"k8s.cni.cncf.io/resourceName": "x"}},
    ),
    (f"metadata.{RESOURCE}", {RESOURCE: "intel.com/x"}),
    (f"metadata.labels.{RESOURCE}", {"labels": {RESOURCE: "x"}}),
    (
        "metadata.annotations.netattach.io/node-selectors",
        {"annotations": {"netattach.io/node-selectors": "a=b"}},
    ),
]


@pytest.mark.parametrize(("path", "metadata"), MISSPELT, ids=[path for path, _ in MISSPELT])
def test_a_misspelt_annotation_is_named(path: str, metadata: dict[str, Any]) -> None:
    """Also one that is a level too high: whoever looks for the missing resource sees where it is."""
    (found,) = validate(named(**metadata))

    assert ("annotation-misspelt", path, Severity.WARN) == (
        found.rule.id,
        path_text(found.path),
        found.effective_severity,
    )
    assert found.fix.endswith(" below `annotations:`")


def test_a_second_spelling_of_an_annotation_is_to_be_removed() -> None:
    (found,) = validate(named(annotations={RESOURCE: "intel.com/x", RESOURCE.lower(): "intel.com/x"}))

    assert f"remove it: there is {RESOURCE}, too" == found.fix


@pytest.mark.parametrize(
    "metadata",
    [
        {"annotations": {RESOURCE: "intel.com/x", "k8s.v1.cni.cncf.io/bridgeName": "br1"}},
        {"annotations": {"example.com/resourcename": "x", "netattach.io/other": "x"}},
        {"labels": {"protect": "true", "resource": "x"}},
        {"annotations": None, "labels": None},
        {"resourceVersion": "5", "uid": "x"},
    ],
)
def test_annotations_of_others_are_not(metadata: dict[str, Any]) -> None:
    assert [] == validate(named(**metadata))


def test_an_annotation_that_is_not_a_string_is_no_resource_name() -> None:
    """So that the missing device is reported too."""
    sriov = json.dumps(config("sriov", ipam={}))
    bad, good = (
        validate({**named(annotations={RESOURCE: value}), "spec": {"config": sriov}})
        for value in (5, "lab/x")
    )

    assert {"object-shape", "device-missing"} == ids(bad)
    assert set() == ids(good)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("spec.conf", an_object(spec={"conf": CONFIG})),
        ("spec.Config", an_object(spec={"Config": CONFIG})),
        ("config", {"metadata": {"name": "net"}, "config": CONFIG}),
        ("metadata.config", named(config=CONFIG)),
        ("data.config", {"metadata": {"name": "net"}, "data": {"config": CONFIG}}),
    ],
)
def test_a_configuration_in_the_wrong_place_is_a_warning(path: str, body: dict[str, Any]) -> None:
    """The object is valid without it, so it is not denied."""
    (found,) = validate(body)

    assert ("config-misplaced", path, Severity.WARN) == (
        found.rule.id,
        path_text(found.path),
        found.effective_severity,
    )
    assert f"`{path}` is not read" in found.problem
    assert "did you mean spec.config?" == found.fix


@pytest.mark.parametrize(
    ("fix", "spec"),
    [
        ("move the configuration into spec.config, as a JSON string", {"type": "bridge", "bridge": "br1"}),
        ("remove it, or move it into the JSON of spec.config", {"config": CONFIG, "mtu": 1400}),
    ],
)
def test_keys_of_a_configuration_beside_it_are_warned_of_once(fix: str, spec: dict[str, Any]) -> None:
    assert [fix] == [finding.fix for finding in validate(an_object(spec=spec))]


@pytest.mark.parametrize("part", ["labels", "annotations"])
def test_of_thousands_of_keys_a_few_are_reported(part: str) -> None:
    """The API server takes a megabyte of labels."""
    keys: dict[str, Any] = {f"a{number:06}.cncf.io/resourceNam": "" for number in range(25_000)}
    keys |= {f"-{number}": "" for number in range(25_000)}

    found = [each.rule.id for each in validate(named(**{part: keys}))]

    assert 20 == found.count("annotation-misspelt")
    assert len(found) <= 60


def test_a_misspelt_key_is_found_among_hundreds() -> None:
    keys = {f"app.example/part-{number}": "" for number in range(500)}

    assert "annotation-misspelt" in ids(validate(named(annotations={**keys, f"{RESOURCE}s": "a/b"})))
