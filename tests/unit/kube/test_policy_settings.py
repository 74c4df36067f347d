"""The part `policy` of the settings' text."""

from __future__ import annotations

import pytest

from netattach_core.api import label_selector
from netattach_core.errors import ConfigError
from netattach_core.policy.settings import AllowLists, Level, Limits, Mode, NamespaceEntry, PolicySettings
from netattach_kube import cluster_settings
from netattach_kube.policy_settings import OWN_NAMESPACES

WHOLE = """
networksNamespace: networks
policy:
  default: restricted
  mode: warn
  limits: {pluginsPerNetwork: 4, networksPerPod: 8}
  restricted: {plugins: [macvlan]}
  namespaces:
    - match: [tenant-*, lab]
      selector: tenant=true, !trusted
      level: restricted
      mode: audit
      warn: baseline
      audit: restricted
      plugins: [bridge]
      ipam: [whereabouts]
      masters: [eth1]
      bridges: [br-t-*]
      subnets: [10.50.0.0/16]
      sysctls: [net.ipv4.ip_forward]
    - selector: role in (infra)
      level: privileged
"""


def policy(text: str) -> PolicySettings:
    return cluster_settings.parse(text).policy


def test_every_key_means_something() -> None:
    lists = AllowLists(
        ("bridge",), ("whereabouts",), ("eth1",), ("br-t-*",), ("10.50.0.0/16",), ("net.ipv4.ip_forward",)
    )
    tenants = NamespaceEntry(
        ("tenant-*", "lab"),
        label_selector.parse("tenant=true,!trusted") or (),
        Level.RESTRICTED,
        Mode.AUDIT,
        warn=Level.BASELINE,
        audit=Level.RESTRICTED,
        allowed=lists,
    )
    infra = NamespaceEntry((), label_selector.parse("role in (infra)") or (), Level.PRIVILEGED)

    expected = PolicySettings(
        Level.RESTRICTED,
        Mode.WARN,
        Limits(4, 8),
        (tenants, infra),
        AllowLists(plugins=("macvlan",)),
        trusted=OWN_NAMESPACES | {"networks"},
    )
    assert expected == policy(WHOLE)


@pytest.mark.parametrize("text", ["", "policy: {}", "policy: {namespaces: []}"])
def test_without_settings_everybody_is_baseline_but_the_cluster_owner(text: str) -> None:
    assert PolicySettings(trusted=OWN_NAMESPACES) == policy(text)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{match: [lab]}", "'level' is a required property"),
        ("{level: baseline}", "policy.namespaces[0]: say which namespaces it is about"),
        ("{match: [lab], level: Baseline}", "'Baseline' is not one of"),
        ("{match: [], level: baseline}", "should be non-empty"),
        (
            "{match: [lab], level: restricted, subnets: [10.50.0.0/33]}",
            "namespaces[0].subnets[0]: '10.50.0.0/33'",
        ),
        (
            "{selector: 'a==b==c', level: baseline}",
            "namespaces[0].selector: 'a==b==c' is not a label selector",
        ),
        ("{selector: ' ', level: baseline}", "namespaces[0].selector: ' ' is not a label selector"),
        ("{match: [lab], level: baseline, master: [eth1]}", "('master' was unexpected)"),
    ],
)
def test_an_entry_that_cannot_mean_anything_is_refused_with_its_place(entry: str, problem: str) -> None:
    with pytest.raises(ConfigError, match="policy") as refused:
        policy(f"policy: {{namespaces: [{entry}]}}")

    assert problem in refused.value.message


@pytest.mark.parametrize("limit", ["0", "-1", "10001", "1.5", "many"])
def test_a_limit_is_a_positive_number(limit: str) -> None:
    with pytest.raises(ConfigError, match=r"policy\.limits\.networksPerPod"):
        policy(f"policy: {{limits: {{networksPerPod: {limit}}}}}")
