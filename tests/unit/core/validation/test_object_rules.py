"""The object around a configuration: what the API server refuses of it, and configurations that nobody finds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.text.finding import Severity, path_text
from netattach_core.validation.validator import validate
from support.validation import bridge, conf, ids

CONFIG = json.dumps(bridge())
RESOURCE = "k8s.v1.cni.cncf.io/resourceName"


def an_object(**parts: Any) -> dict[str, Any]:
    """A sound NAD, with other parts in place of its own."""
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
]


@pytest.mark.parametrize(("path", "body"), [(path, bad) for path, bad, _ in CASES])
def test_what_the_api_server_refuses_is_denied_with_its_place(path: str, body: dict[str, Any]) -> None:
    (found,) = (finding for finding in validate(body) if finding.rule.id == "object-shape")

    assert (path, Severity.DENY) == (path_text(found.path), found.effective_severity)
    assert "the API server does not take it" in found.problem
    assert found.fix


@pytest.mark.parametrize("body", [good for *_, good in CASES])
def test_what_the_api_server_takes_is_not_denied(body: dict[str, Any]) -> None:
    """What it fills in itself may be missing."""
    assert not {"object-shape", "config-misplaced"} & ids(validate(body))


@pytest.mark.parametrize(
    ("fix", "body"),
    [
        ("write it in lower-case letters, digits, '-' and '.' alone: my-net", named(name="My_Net")),
        ("write `name: net` and, on a line of its own, `namespace: ns`", named(name="ns/net")),
        ("put it between quotes: '5'", named(annotations={RESOURCE: 5})),
        ("write the text alone: intel.com/x", named(annotations={RESOURCE: ["intel.com/x"]})),
        ("remove the dash before `config`", an_object(spec=[{"config": CONFIG}])),
    ],
)
def test_an_object_is_fixed_by_what_is_said(fix: str, body: dict[str, Any]) -> None:
    assert [fix] == [finding.fix for finding in validate(body)]


def test_an_annotation_that_is_no_text_names_no_resource() -> None:
    """So that what a device is needed for is said too."""
    sriov = json.dumps(conf("sriov", ipam={}))
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
def test_a_configuration_that_nobody_finds_is_warned_of(path: str, body: dict[str, Any]) -> None:
    """Without it the object is a right one, so it is no denial."""
    (found,) = validate(body)

    assert ("config-misplaced", path, Severity.WARN) == (
        found.rule.id,
        path_text(found.path),
        found.effective_severity,
    )
    assert f"nobody reads `{path}`" in found.problem
    assert "did you mean spec.config?" == found.fix


@pytest.mark.parametrize(
    ("fix", "spec"),
    [
        ("put the configuration into spec.config, as one text of JSON", {"type": "bridge", "bridge": "br1"}),
        ("remove it, or move it into the text of spec.config", {"config": CONFIG, "mtu": 1400}),
    ],
)
def test_keys_of_a_configuration_beside_it_are_warned_of_once(fix: str, spec: dict[str, Any]) -> None:
    assert [fix] == [finding.fix for finding in validate(an_object(spec=spec))]
