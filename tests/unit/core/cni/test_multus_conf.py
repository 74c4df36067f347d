"""Multus' own CNI config: the default network after it, and its settings in netattach's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.cni import multus_conf
from netattach_core.errors import ConfigError

THICK = (
    '{"capabilities":{"portMappings":true},"cniVersion":"0.3.1","logLevel":"verbose","logToStderr":true,'
    '"name":"multus-cni-network","clusterNetwork":"/host/etc/cni/net.d/10-calico.conflist","type":"multus-shim"}'
)
"""As the daemon of Multus 4.3.0 writes it."""

THIN = {
    "cniVersion": "1.0.0",
    "name": "multus-cni-network",
    "plugins": [
        {
            "type": "multus",
            "namespaceIsolation": True,
            "globalNamespaces": "default, shared",
            "kubeconfig": "/etc/cni/net.d/multus.d/multus.kubeconfig",
            "delegates": [{"cniVersion": "1.0.0", "name": "cbr0", "plugins": [{"type": "flannel"}]}],
        }
    ],
}
"""As `cmd/thin_entrypoint` writes it for a conflist since CNI 1.0.0."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (THICK, "10-calico.conflist"),
        (json.dumps(THIN), "cbr0"),
        ('{"type": "multus", "clusterNetwork": "ovn-default"}', "ovn-default"),
        ('{"type": "multus", "clusterNetwork": "/etc/cni/multus/net.d"}', ""),
        ('{"type": "multus", "clusterNetwork": "a", "delegates": [{"name": "b"}]}', "a"),
        ('{"type": "multus", "delegates": [{"type": "bridge"}]}', ""),
        ('{"type": "multus", "delegates": "b"}', ""),
        ('{"type": "multus", "clusterNetwork": 1}', ""),
    ],
)
def test_the_default_network_behind_multus(text: str, expected: str) -> None:
    """By file, or by its own name. A directory, or a network without a name, names none."""
    assert expected == multus_conf.default_network(multus_conf.read(text))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"multus"', '{"plugins": [1]}'], ids=["empty", "cut", "list", "text", "plugin"]
)
def test_a_config_that_cannot_be_read(text: str) -> None:
    """Multus truncates its file before it writes it."""
    with pytest.raises(ConfigError):
        multus_conf.read(text)


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ({}, {}),
        ({"namespaceIsolation": False, "globalNamespaces": "a"}, {}),
        ({"namespaceIsolation": True}, {"namespaceIsolation": True, "globalNamespaces": ["default"]}),
        (
            {"namespaceIsolation": True, "globalNamespaces": " foo,bar ,default"},
            {"namespaceIsolation": True, "globalNamespaces": ["foo", "bar", "default"]},
        ),
        (
            {
                "defaultNetworks": ["storage"],
                "multusNamespace": "net",
                "systemNamespaces": ["kube-system", "a"],
            },
            {
                "defaultNetworks": ["storage"],
                "networksNamespace": "net",
                "systemNamespaces": ["kube-system", "a"],
            },
        ),
        ({"defaultNetworks": "storage", "multusNamespace": 1, "systemNamespaces": None}, {}),
    ],
)
def test_multus_settings_in_netattachs_words(conf: dict[str, Any], expected: dict[str, Any]) -> None:
    """Its `globalNamespaces` is one text, and means nothing without isolation."""
    assert expected == multus_conf.settings(conf)


def test_settings_that_netattach_lacks() -> None:
    """The order of namespaces means nothing, that of networks does."""
    conf = {
        "namespaceIsolation": True,
        "globalNamespaces": "shared,default",
        "defaultNetworks": ["b", "a"],
        "systemNamespaces": ["kube-system"],
    }
    same = SelectionSettings(
        defaults=("b", "a"), isolated=True, global_namespaces=frozenset({"default", "shared"})
    )

    assert {} == multus_conf.missing_settings(conf, same)
    assert {
        "defaultNetworks": ["b", "a"],
        "namespaceIsolation": True,
        "globalNamespaces": ["shared", "default"],
    } == multus_conf.missing_settings(conf, SelectionSettings(defaults=("a", "b")))


def test_settings_on_one_line() -> None:
    """To be copied from a message into the ConfigMap."""
    found = {"namespaceIsolation": True, "globalNamespaces": ["default"]}
    assert '{namespaceIsolation: true, globalNamespaces: ["default"]}' == multus_conf.as_yaml(found)
