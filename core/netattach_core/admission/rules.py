"""All rules by id, and the problems in settings that refer to rules or contain schemas."""

from __future__ import annotations

from netattach_core.admission import (
    cluster_settings,
    nads,
    network_requests,
    pod_annotations,
    pod_devices,
    pod_nodes,
    pod_templates,
    pods,
)
from netattach_core.policy import networks, requests
from netattach_core.validation import validator
from netattach_core.validation.settings import ValidationSettings

RULES = (
    *nads.RULES,
    *pods.RULES,
    *pod_annotations.RULES,
    *network_requests.RULES,
    *pod_devices.RULES,
    *pod_nodes.RULES,
    *pod_templates.RULES,
    *cluster_settings.RULES,
)
"""The rules of admission alone; those of a network's configuration are `validator.RULES`."""

POLICY_RULES = (*networks.RULES, *requests.RULES)

ALL_RULES = {rule.id: rule for rule in (*validator.RULES, *RULES, *POLICY_RULES)}
"""Every rule of this package, of policy and of the validator, by its id."""


def settings_problems(settings: ValidationSettings) -> list[str]:
    """One text for each rule that does not exist and each schema that is not valid; empty where all is well."""
    return list(cluster_settings.problems(settings, ALL_RULES))
