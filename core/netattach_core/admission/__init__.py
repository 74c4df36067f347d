"""What an admission review comes to: which of it is validated, and what is said of networks, pods, templates and settings.

An object is validated where the text concerned is new: what stood there before our rules did can still be labelled, annotated and
taken away. What is known of the cluster comes in as values; who looks it up is no business of these rules.
"""

from __future__ import annotations

from netattach_core.admission import (
    cluster_settings,
    nads,
    network_requests,
    pod_devices,
    pod_templates,
    pods,
)
from netattach_core.admission.cluster_settings import of_default_networks, of_primary, of_settings
from netattach_core.admission.nads import LONGEST_CONFIG, concerns_nad, of_deletion, of_nad
from netattach_core.admission.pods import Asked, of_pod, uncertain, unknown, unknown_default, unknown_file
from netattach_core.admission.unstructured import Body
from netattach_core.api.objects import Key
from netattach_core.validation.settings import ValidationSettings, applied
from netattach_core.validation.validator import RULES as VALIDATION_RULES

RULES = (
    *nads.RULES,
    *pods.RULES,
    *network_requests.RULES,
    *pod_devices.RULES,
    *pod_templates.RULES,
    *cluster_settings.RULES,
)

ALL_RULES = {rule.id: rule for rule in (*VALIDATION_RULES, *RULES)}
"""Everything that can be said, by its id."""


def settings_problems(wanted: ValidationSettings) -> list[str]:
    """What only the validator knows to be wrong with settings."""
    return list(cluster_settings.problems(wanted, ALL_RULES))


__all__ = [
    "ALL_RULES",
    "LONGEST_CONFIG",
    "RULES",
    "Asked",
    "Body",
    "Key",
    "applied",
    "concerns_nad",
    "of_default_networks",
    "of_deletion",
    "of_nad",
    "of_pod",
    "of_primary",
    "of_settings",
    "pod_devices",
    "requests",
    "settings_problems",
    "templates",
    "uncertain",
    "unknown",
    "unknown_default",
    "unknown_file",
]
