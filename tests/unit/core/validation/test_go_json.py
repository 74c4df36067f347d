"""Keys are read as Go reads them, since every plugin is written in Go."""

from __future__ import annotations

from netattach_core.plugins import schema_types
from netattach_core.text import json_document
from netattach_core.validation.go_json import as_go_reads

SCHEMA = schema_types.object_of(master=schema_types.STRING)


def test_of_several_spellings_the_last_one_counts() -> None:
    node = json_document.parse('{"master": "eth0", "MA\u017fTER": "eth1"}')

    assert {"master": "eth1"} == {m.key: m.node.value for m in as_go_reads(node, SCHEMA).members[-1:]}


def test_a_ligature_is_no_spelling_of_its_letters() -> None:
    """Python's casefold takes `ma\ufb06er` for `master`, Go does not: the plugin would still use eth0."""
    node = json_document.parse('{"master": "eth0", "ma\ufb06er": "eth1"}')

    assert "eth0" == as_go_reads(node, SCHEMA).value["master"]


def test_objects_with_the_same_key_are_merged_from_the_last_value_that_is_none() -> None:
    schema = schema_types.object_of(ipam=schema_types.IPAM)
    node = json_document.parse(
        '{"ipam": {"a": 1}, "ipam": 7, "IPAM": {"b": 2}, "ipam": null, "Ipam": {"c": 3}}'
    )

    assert {"b": 2, "c": 3} == as_go_reads(node, schema).value["ipam"]


def test_each_repeated_object_is_looked_at_once() -> None:
    """As many as fit into an object of the API server."""
    schema, count = schema_types.object_of(ipam=schema_types.IPAM), 50_000
    node = json_document.parse("{" + ",".join(['"ipam":{"type":"static"}'] * count) + "}")

    assert count == len(as_go_reads(node, schema).members[-1].node.members)
