"""No network sends the node's credentials to a server of its author's choice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api.nad import Nad
from netattach_core.policy import networks
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level

KUBECONFIG = "/etc/cni/net.d/calico-kubeconfig"


def refused(kubernetes: dict[str, Any]) -> list[str]:
    ipam = {"type": "calico-ipam"}
    config = {"cniVersion": "1.0.0", "name": "n", "type": "calico", "ipam": ipam, "kubernetes": kubernetes}
    policy = NamespacePolicy("lab", enforce=Level.BASELINE)
    return [each.rule.id for each in networks.check(Nad("lab", "net", json.dumps(config)), policy)]


@pytest.mark.parametrize("key", ["k8s_api_root", "K8S_API_ROOT", "\u212a8s_api_root"])
def test_another_server_than_that_of_the_kubeconfig_is_refused(key: str) -> None:
    assert refused({"kubeconfig": KUBECONFIG, key: "http://192.0.2.66"}) == ["policy-host-credentials"]


@pytest.mark.parametrize("kubernetes", [{}, {"kubeconfig": KUBECONFIG}, {"k8s_api_root": ""}])
def test_the_server_of_the_kubeconfig_passes(kubernetes: dict[str, Any]) -> None:
    assert refused(kubernetes) == []
