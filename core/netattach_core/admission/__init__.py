"""Validation at admission: networks, pods, pod templates and the cluster's settings, as AdmissionReviews carry them.

These functions are all that other packages use. An object is validated where the part concerned is new or changed: what was
there before our rules can still be labelled, annotated and deleted. The state of the cluster is passed in as values; looking it
up is the caller's task.
"""

from netattach_core.admission.cluster_settings import (
    settings_findings,
    validate_default_networks,
    validate_primary_network,
)
from netattach_core.admission.nads import (
    MAX_CONFIG_LENGTH,
    change_depends_on_users,
    config_too_long,
    deletion_depends_on_users,
    nad_needs_validation,
    validate_nad,
    validate_nad_change,
    validate_nad_deletion,
)
from netattach_core.admission.network_requests import validate_requests
from netattach_core.admission.network_users import NOBODY, NetworkUsers, users_in, uses
from netattach_core.admission.pod_annotations import check_owner as validate_owner
from netattach_core.admission.pod_devices import validate_devices
from netattach_core.admission.pod_nodes import (
    explained,
    is_no_node_left,
    no_node_left,
    possible_nodes,
    validate_nodes,
)
from netattach_core.admission.pod_templates import template_pod, template_replicas, validate_capacity
from netattach_core.admission.pods import (
    RequestedNetworks,
    unknown_default_file,
    unknown_default_network,
    unknown_networks,
    unverified_networks,
    validate_pod,
    with_text,
)
from netattach_core.admission.rules import ALL_RULES, POLICY_RULES, RULES, settings_problems
from netattach_core.validation.settings import apply_severities

__all__ = [
    "ALL_RULES",
    "MAX_CONFIG_LENGTH",
    "NOBODY",
    "POLICY_RULES",
    "RULES",
    "NetworkUsers",
    "RequestedNetworks",
    "apply_severities",
    "change_depends_on_users",
    "config_too_long",
    "deletion_depends_on_users",
    "explained",
    "is_no_node_left",
    "nad_needs_validation",
    "no_node_left",
    "possible_nodes",
    "settings_findings",
    "settings_problems",
    "template_pod",
    "template_replicas",
    "unknown_default_file",
    "unknown_default_network",
    "unknown_networks",
    "unverified_networks",
    "users_in",
    "uses",
    "validate_capacity",
    "validate_default_networks",
    "validate_devices",
    "validate_nad",
    "validate_nad_change",
    "validate_nad_deletion",
    "validate_nodes",
    "validate_owner",
    "validate_pod",
    "validate_primary_network",
    "validate_requests",
    "with_text",
]
