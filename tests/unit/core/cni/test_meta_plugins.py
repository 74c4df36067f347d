"""Meta-plugins: wherever a config names one, the validator denies it and the daemon attaches nothing."""

from __future__ import annotations

import json

import pytest

from netattach_core.api import networks_annotation
from netattach_core.attach import attachment
from netattach_core.attach.attachment import Attachment, Network
from netattach_core.cni import meta_plugins
from netattach_core.cni import request as cni_request
from netattach_core.cni.request import CniRequest
from netattach_core.errors import ConfigError
from netattach_core.text import json_document
from netattach_core.text.finding import Severity, path_text
from netattach_core.validation.meta_plugin_rules import META_PLUGIN
from support.validation import validated

RULE = META_PLUGIN.id
BRIDGE = '{"cniVersion":"1.0.0","name":"n","type":"bridge",%s}'
NAMED = {
    "type": ('{"type":"netattach"}', "type"),
    "in another case": ('{"TYPE":"multus"}', "TYPE"),
    "written with an escape": (r'{"type":"netattac\u0068"}', "type"),
    "its key written with an escape": (r'{"typ\u0065":"netattach"}', "type"),
    "a plugin in a list": ('{"plugins":[{"type":"bridge"},{"type":"multus-shim"}]}', "plugins[1].type"),
    "IPAM": (BRIDGE % '"ipam":{"type":"netattach"}', "ipam.type"),
    "IPAM in another case": (BRIDGE % '"Ipam":{"tyPe":"netattach"}', "Ipam.tyPe"),
    "the last of two sections": (BRIDGE % '"ipam":{"type":"static"},"ipam":{"type":"multus"}', "ipam.type"),
    "the last of two keys": (BRIDGE % '"ipam":{"type":"static","type":"netattach"}', "ipam.type"),
    "the last of two keys in another case": (
        BRIDGE % '"ipam":{"type":"static","TYPE":"netattach"}',
        "ipam.TYPE",
    ),
    "the first of two keys, which a Go map reads": (
        '{"type":"flannel","delegate":{"type":"netattach","TYPE":"bridge"}}',
        "delegate.type",
    ),
    "a delegate": ('{"type":"flannel","delegate":{"type":"multus"}}', "delegate.type"),
    "one of the delegates": (
        BRIDGE % '"delegates":[{"type":"bridge"},{"type":"multus"}]',
        "delegates[1].type",
    ),
    "a delegate's IPAM": (BRIDGE % '"delegates":[{"ipam":{"type":"netattach"}}]', "delegates[0].ipam.type"),
    "deep in an unknown key": (BRIDGE % '"a":[[{"b":{"type":"netattach"}}]]', "a[0][0].b.type"),
}
OTHERS = {
    "a name that contains it": '{"type":"netattach-more"}',
    "in another case, which is another binary": '{"type":"NetAttach"}',
    "a network of that name": '{"type":"bridge","name":"multus"}',
    "a bridge of that name": '{"type":"bridge","bridge":"netattach"}',
    "a list": BRIDGE % '"a":{"type":["netattach"]}',
    "a key that contains it": BRIDGE % '"types":"netattach","mytype":"multus"',
    "in free text": BRIDGE % r'"description":"{\"type\":\"netattach\"}"',
}


@pytest.mark.parametrize(("config", "place"), NAMED.values(), ids=NAMED)
def test_the_validator_denies_it_with_path_and_fix(config: str, place: str) -> None:
    (found,) = (each for each in validated(config) if each.rule.id == RULE)

    assert (Severity.DENY, place) == (found.effective_severity, path_text(found.path))
    assert found.offset is not None
    assert config[found.offset] == '"'
    assert "is a meta-plugin" in found.problem
    assert "write the name of" in found.fix


@pytest.mark.parametrize(("config", "place"), NAMED.values(), ids=NAMED)
def test_the_daemon_refuses_it_before_anything_is_changed(config: str, place: str) -> None:
    """The webhook may have been bypassed."""
    with pytest.raises(ConfigError) as refused:
        _decide(config)

    assert refused.value.message.startswith(f"network lab/net: its {place} is ")


@pytest.mark.parametrize("config", OTHERS.values(), ids=OTHERS)
def test_a_similar_config_is_accepted(config: str) -> None:
    assert RULE not in {each.rule.id for each in validated(config)}
    assert ["eth0", "net1"] == [each.ifname for each in _decide(config)]


def test_the_default_network_is_checked_too() -> None:
    """Including one that a pod requests."""
    with pytest.raises(ConfigError, match=r"network lab/net: its ipam\.type is netattach"):
        attachment.decide(_call(), Network("lab/net", BRIDGE % '"ipam":{"type":"netattach"}', "net"), ())


def test_every_place_is_found() -> None:
    """All findings are reported at once."""
    config = json.dumps({"plugins": [{"type": "multus", "ipam": {"type": "netattach"}}]})

    places = [path_text(path) for path, _ in meta_plugins.find_all(json_document.parse(config))]

    assert ["plugins[0].type", "plugins[0].ipam.type"] == places


def _call() -> CniRequest:
    environment = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "c1",
        "CNI_NETNS": "/n",
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": "K8S_POD_NAMESPACE=lab;K8S_POD_NAME=p",
    }
    return cni_request.parse(environment, b'{"cniVersion":"1.0.0"}')


def _decide(config: str) -> tuple[Attachment, ...]:
    (selection,) = networks_annotation.parse("net", "lab")
    default = Network("cbr0", '{"type":"bridge","name":"cbr0"}', "cbr0")
    return attachment.decide(_call(), default, [(selection, Network("lab/net", config, "net"))])
