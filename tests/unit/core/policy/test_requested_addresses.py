"""Which addresses a pod may request."""

from __future__ import annotations

from typing import Any

import pytest

from unit.core.policy.pod_requests import asked, restricted, rules

TENANT = restricted(subnets=("10.50.0.0/16", "fd00:50::/32"))


@pytest.mark.parametrize(
    "ip", ["10.50.0.7", "10.50.3.4/24", "10.50.0.1/16", "fd00:50::7/64", "::ffff:10.50.0.7"]
)
def test_a_restricted_pod_may_request_addresses_of_its_subnets(ip: str) -> None:
    assert [] == asked(TENANT, [{"name": "net", "ips": [ip]}])
    assert [] == asked(TENANT, [{"name": "net", "cni-args": {"ips": [ip]}}])


@pytest.mark.parametrize(
    "ip", ["10.51.0.7", "10.50.0.7/8", "10.50.0.7/0", "::ffff:10.51.0.7", "fd00:51::1", "::/0", "0.0.0.0/0"]
)
@pytest.mark.parametrize("form", ["ips", "cni-args"])
def test_a_restricted_pod_may_request_no_others(ip: str, form: str) -> None:
    request: dict[str, Any] = {"ips": [ip]} if form == "ips" else {"cni-args": {"IPs": [ip]}}
    (finding,) = asked(TENANT, [{"name": "net", **request}])

    assert "policy-requested-address" == finding.rule.id
    assert ("k8s.v1.cni.cncf.io/networks", 0, form) == finding.path
    assert "policy.namespaces[0].subnets" in finding.fix


@pytest.mark.parametrize("value", ["10.50.0.7x", "010.50.0.7", 7, [[]], ""])
def test_what_is_no_address_is_none_of_the_subnets(value: Any) -> None:
    assert ["policy-requested-address"] == rules(
        asked(TENANT, [{"name": "net", "cni-args": {"ips": [value]}}])
    )


def test_without_subnets_a_restricted_pod_may_request_no_address() -> None:
    (finding,) = asked(restricted(), [{"name": "net", "ips": ["10.50.0.7"]}])

    assert "no subnet" in finding.problem
