"""How an administrator wants to have validated: severities, exemptions, schemas of foreign plugins, what the cluster uses itself.

Values alone; `netattach_kube.cluster_settings` reads them from the cluster's settings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from netattach_core.api import network_selection
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.text.finding import Finding, Severity

Schema = Mapping[str, Any]

_ORDER = {Severity.DENY: 0, Severity.WARN: 1, Severity.OFF: 2}


@dataclass(frozen=True, slots=True)
class Exemption:
    """In namespaces of these names (`*` and `?` as in a shell), findings of these rules (of all, where none is named)."""

    namespaces: tuple[str, ...]
    rules: tuple[str, ...] = ()
    severity: Severity = Severity.WARN


@dataclass(frozen=True, slots=True)
class ClusterNetworks:
    """Subnets that the cluster uses itself, each a text as it was written."""

    pods: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValidationSettings:
    """`severities` by rule id; `schemas` by plugin type; with `warn_only` nothing is refused.

    `selection` is what the daemon goes by; with `protected` a network in use is not deleted.
    """

    severities: Mapping[str, Severity] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    warn_only: bool = False
    selection: SelectionSettings = network_selection.DEFAULTS
    networks: ClusterNetworks = ClusterNetworks()
    protected: bool = False


DEFAULTS = ValidationSettings()


def apply_severities(
    findings: Iterable[Finding], settings: ValidationSettings, namespace: str
) -> list[Finding]:
    """The findings with the severities that are in force in a namespace, denials first; what is off is not among them."""
    weighed = [_weighed(each, _severity(each, settings, namespace)) for each in findings]
    told = [each for each in weighed if each.effective_severity is not Severity.OFF]
    return sorted(told, key=lambda each: _ORDER[each.effective_severity])


def _weighed(finding: Finding, severity: Severity) -> Finding:
    return (
        finding if finding.effective_severity is severity else dataclasses.replace(finding, severity=severity)
    )


def _severity(finding: Finding, settings: ValidationSettings, namespace: str) -> Severity:
    """An exemption never makes anything worse, and dry mode goes last: nothing is refused in it."""
    severity = settings.severities.get(finding.rule.id, finding.effective_severity)
    for exemption in settings.exemptions:
        if _covers(exemption, finding.rule.id, namespace):
            severity = max(severity, exemption.severity, key=_ORDER.__getitem__)
    if settings.warn_only and severity is Severity.DENY:
        severity = Severity.WARN
    return severity


def _covers(exemption: Exemption, rule: str, namespace: str) -> bool:
    return (not exemption.rules or rule in exemption.rules) and any(
        fnmatchcase(namespace, pattern) for pattern in exemption.namespaces
    )
