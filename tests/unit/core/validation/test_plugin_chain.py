"""The chain of plugins of a network's configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from netattach_core.api.nad import Nad
from netattach_core.text import json_document
from netattach_core.text.json_document import Node
from netattach_core.validation import go_json, plugin_chain


@pytest.mark.parametrize("kind", ["sbr", "route-override", "tuning", "unknown"])
def test_the_configuration_of_each_plugin_is_decoded_once(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    decoded: list[int] = []

    def noted(node: Node, schema: Mapping[str, Any]) -> Node:
        decoded.append(node.start)
        return go_json.as_go_reads(node, schema)

    monkeypatch.setattr(plugin_chain, "as_go_reads", noted)
    text = json.dumps({"plugins": [{"type": "macvlan"}, {"type": kind}, {"type": kind}]})
    network = plugin_chain.read(json_document.parse(text), Nad("lab", "net", text))

    assert ["macvlan", kind, kind] == [entry.type for entry in network.entries]
    assert sorted(set(decoded)) == sorted(decoded)
    assert {0, *(entry.raw.node.start for entry in network.entries)} == set(decoded)
