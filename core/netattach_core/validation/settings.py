"""The cluster's settings for validation: severities, exemptions, schemas of other plugins, subnets of the cluster.

`netattach_kube.cluster_settings` parses them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from netattach_core.api import network_selection
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.text.finding import Finding, Rule, Severity

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Exemption:
    """A lower severity for some rules (all where none is listed) in some namespaces (with the wildcards `*` and `?`)."""

    namespaces: tuple[str, ...]
    rules: tuple[str, ...] = ()
    severity: Severity = Severity.WARN


@dataclass(frozen=True, slots=True)
class ClusterNetworks:
    """Subnets that the cluster itself uses, in CIDR notation; `api_server` is the address of the API server's Service."""

    pods: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    api_server: tuple[str, ...] = ()


NO_CLUSTER_NETWORKS = ClusterNetworks()


@dataclass(frozen=True, slots=True)
class ValidationSettings:
    """`severities` by rule id; `schemas` by plugin type; with `warn_only` all denials become warnings.

    `selection` determines the networks of each pod, as in the daemon; `protected`: networks in use cannot be deleted.
    `overrides` are severities that neither exemptions nor `warn_only` change: those that the user of a linter asks for.
    """

    severities: Mapping[str, Severity] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    warn_only: bool = False
    selection: SelectionSettings = network_selection.DEFAULTS
    networks: ClusterNetworks = ClusterNetworks()
    protected: bool = False
    overrides: Mapping[str, Severity] = field(default_factory=dict)


DEFAULTS = ValidationSettings()


def apply_severities(
    findings: Iterable[Finding], settings: ValidationSettings, namespace: str
) -> list[Finding]:
    """The findings with the severities for the namespace, denials first, without those whose severity is `off`."""
    all_findings = [_with_severity(each, _severity(each, settings, namespace)) for each in findings]
    in_force = [each for each in all_findings if each.effective_severity is not Severity.OFF]
    return sorted(in_force, key=lambda each: each.effective_severity.rank)


def severity(rule: Rule, settings: ValidationSettings, namespace: str) -> Severity:
    """The severity that findings of a rule have in a namespace, unless the rule gives one of them another."""
    return _severity(Finding(rule, (), "", ""), settings, namespace)


def _with_severity(finding: Finding, severity: Severity) -> Finding:
    return (
        finding if finding.effective_severity is severity else dataclasses.replace(finding, severity=severity)
    )


def _severity(finding: Finding, settings: ValidationSettings, namespace: str) -> Severity:
    """Policy decides on its own. Exemptions only lower a severity; `warn_only` is applied last, so that nothing is denied."""
    if finding.rule.policy:
        return finding.effective_severity
    if finding.rule.id in settings.overrides:
        return settings.overrides[finding.rule.id]
    severity = settings.severities.get(finding.rule.id, finding.effective_severity)
    for exemption in settings.exemptions:
        if _covers(exemption, finding.rule.id, namespace):
            severity = max(severity, exemption.severity, key=lambda each: each.rank)
    if settings.warn_only and severity is Severity.DENY:
        severity = Severity.WARN
    return severity


def _covers(exemption: Exemption, rule: str, namespace: str) -> bool:
    return (not exemption.rules or rule in exemption.rules) and any(
        fnmatchcase(namespace, pattern) for pattern in exemption.namespaces
    )
