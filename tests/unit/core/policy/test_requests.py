"""The rules about what a pod requests."""

from __future__ import annotations

from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.policy import requests
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.requests import PodCase
from netattach_core.policy.settings import Level, Limits


def test_as_many_networks_as_the_limit_pass() -> None:
    policy = NamespacePolicy("lab", enforce=Level.BASELINE, limits=Limits(networks_per_pod=2))
    networks = [NetworkSelection("lab", f"net-{index}") for index in range(3)]

    assert requests.check(PodCase(policy, networks[:2])) == []
    (finding,) = requests.check(PodCase(policy, networks))
    assert "policy-too-many-networks" == finding.rule.id
    assert "requests 3 networks, and the limit is 2" in finding.problem
