"""The CRDs: compatible with upstream, and with a field for everything that netattach's programs write.

The API server silently drops fields that a schema does not have. So the schemas are made strict here: a field that they lack is
an error.
"""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest
import yaml

from netattach_core.api import inventory
from netattach_core.api.inventory import (
    DefaultInterface,
    Interface,
    NetworkFile,
    NodeInventory,
    Plugin,
    Primary,
)
from netattach_core.readiness import nad_nodes
from netattach_core.readiness.index import Readiness, Shortfall
from netattach_core.readiness.reason import Code, Reason
from netattach_core.validation import nad_status
from netattach_kube.resource import INVENTORIES, NADS, Resource
from support import require

FILES = {
    NADS: "network-attachment-definitions.yaml",
    INVENTORIES: "nodenetworkinventories.yaml",
}


def crd(resource: Resource) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((require.REPOSITORY / "crds" / FILES[resource]).read_text())
    return body


def problems(resource: Resource, body: dict[str, Any]) -> list[str]:
    """What the API server would refuse or drop in an object."""
    schema = _strict(crd(resource)["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    errors = jsonschema.Draft202012Validator(schema).iter_errors(body)
    return [f"{error.json_path}: {error.message}" for error in errors]


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    strict = copy.deepcopy(schema)
    if "properties" in strict:
        strict["properties"] = {key: _strict(each) for key, each in strict["properties"].items()}
        strict["additionalProperties"] = False
    if "items" in strict:
        strict["items"] = _strict(strict["items"])
    if strict.pop("nullable", False):
        strict["type"] = [strict["type"], "null"]
    return strict


def nad(**parts: Any) -> dict[str, Any]:
    return {"apiVersion": NADS.api_version, "kind": NADS.kind, "metadata": {"name": "second"}, **parts}


@pytest.mark.parametrize("resource", FILES, ids=lambda resource: resource.kind)
def test_a_crd_defines_the_kind_that_the_programs_use(resource: Resource) -> None:
    body = crd(resource)
    spec = body["spec"]

    assert f"{resource.plural}.{resource.group}" == body["metadata"]["name"]
    assert resource.group == spec["group"]
    assert {"kind": resource.kind, "plural": resource.plural}.items() <= spec["names"].items()
    assert ("Namespaced" if resource.namespaced else "Cluster") == spec["scope"]
    assert [(resource.version, True, True)] == [
        (v["name"], v["served"], v["storage"]) for v in spec["versions"]
    ]


def test_there_are_no_other_crds() -> None:
    assert sorted(FILES.values()) == sorted(p.name for p in (require.REPOSITORY / "crds").iterdir())


def test_a_network_needs_no_field_that_upstream_does_not_require() -> None:
    body = crd(NADS)
    schema = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    assert {"nad", "net-attach-def"} == set(body["spec"]["names"]["shortNames"])
    assert "network-attachment-definition" == body["spec"]["names"]["singular"]
    assert "required" not in schema
    assert "required" not in schema["properties"]["spec"]
    assert {"config"} == schema["properties"]["spec"]["properties"].keys()
    config = dict(schema["properties"]["spec"]["properties"]["config"])
    assert len(config.pop("description")) > 100
    assert {"type": "string"} == config


@pytest.mark.parametrize(
    "spec", [{}, {"spec": {}}, {"spec": {"config": ""}}, {"spec": {"config": "not JSON"}}]
)
def test_every_network_that_upstream_accepts_is_accepted(spec: dict[str, Any]) -> None:
    assert [] == problems(NADS, nad(**spec))


def test_the_schema_has_all_fields_of_the_status_of_a_network() -> None:
    found = nad_status.summarize('{"type": "macvlan", "ipam": {"type": "static"}}', [])
    lacking = Shortfall(Reason(Code.INTERFACE_MISSING, "eth1 does not exist"), 3, ("n1",))
    ready = Readiness(12, 9, (lacking,))
    status = nad_status.status(
        found,
        {},
        also=[nad_nodes.verdict(ready)],
        generation=3,
        pods=2,
        observed={"nodes": nad_nodes.nodes(ready), "outdatedPods": 1},
        now="2026-01-01T00:00:00Z",
    )

    assert [] == problems(NADS, nad(status=status))


def test_every_field_of_the_status_of_a_network_is_written() -> None:
    """A field that is always empty promises what nobody keeps."""
    schema = crd(NADS)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    found = nad_status.summarize("", [])
    nodes = nad_nodes.nodes(Readiness(1, 0, (Shortfall(Reason(Code.INVALID, "x"), 1, ("n1",)),)))
    status = nad_status.status(
        found, {}, generation=1, pods=0, observed={"nodes": nodes, "outdatedPods": 0}, now="now"
    )

    assert schema["properties"].keys() == status.keys()
    assert schema["properties"]["nodes"]["properties"].keys() == nodes.keys()
    reason = schema["properties"]["nodes"]["properties"]["reasons"]["items"]
    assert reason["properties"].keys() == nodes["reasons"][0].keys()


def test_the_columns_of_a_network_show_its_status() -> None:
    columns = {c["name"]: c["jsonPath"] for c in crd(NADS)["spec"]["versions"][0]["additionalPrinterColumns"]}

    assert {
        "Plugins": ".status.plugins",
        "IPAM": ".status.ipam",
        "Valid": f'.status.conditions[?(@.type=="{nad_status.VALID}")].status',
        "Ready": ".status.nodes.summary",
        "In use": ".status.pods",
        "Outdated": ".status.outdatedPods",
        "Age": ".metadata.creationTimestamp",
    }.items() <= columns.items()


def test_the_schema_has_all_fields_of_the_inventory_of_a_node() -> None:
    node = NodeInventory(
        node="worker-1",
        interfaces=(
            Interface("eth0", mtu=1500, mac="02:00:00:00:00:01", addresses=("192.0.2.7/24",)),
            Interface("eth0.7", kind="vlan", parent="eth0", controller="br0", up=False),
        ),
        default_interfaces=(DefaultInterface("eth0", ("carries the IPv4 default route",)),),
        plugins=(Plugin("macvlan", ("0.4.0", "1.0.0")), Plugin("broken")),
        primary=Primary("cbr0", "10-default.conflist", ("bridge", "portmap")),
        networks=(NetworkFile("10-default.conflist", "cbr0"),),
    )

    assert [] == problems(INVENTORIES, _inventory(node))
    assert [] == problems(INVENTORIES, _inventory(NodeInventory("bare")))


def test_a_field_that_the_schema_lacks_is_an_error() -> None:
    assert ["$.status: Additional properties are not allowed ('extra' was unexpected)"] == problems(
        INVENTORIES, {"status": {"extra": 1}}
    )


def _inventory(node: NodeInventory) -> dict[str, Any]:
    about = {"kernel": "6.1.0", "versions": {"daemon": "0.1.0", "shim": "0.1.0"}}
    return {
        "apiVersion": INVENTORIES.api_version,
        "kind": INVENTORIES.kind,
        "metadata": {"name": node.node},
        "status": {**inventory.to_dict(node), **about},
    }
