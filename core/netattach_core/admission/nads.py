"""NADs: validated where they are new or changed; changes and deletions take the pods that use them into account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netattach_core.admission import unstructured
from netattach_core.admission.network_users import NetworkUsers
from netattach_core.admission.unstructured import JsonObject
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import PROTECT
from netattach_core.policy import exemptions, levels, networks
from netattach_core.policy.case import Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.validation import footprint_index
from netattach_core.validation import settings as validation_settings
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.settings import ValidationSettings
from netattach_core.validation.validator import nad_of, validate

CONFIG_TOO_LONG = Rule("config-too-long", Severity.DENY, "a configuration that is too long")
INVENTORY_MISSING = Rule("inventory-missing", Severity.WARN, "no inventory of any node yet")
CHANGED_IN_USE = Rule(
    "changed-in-use", Severity.WARN, "changing the configuration of a network that pods use"
)
DELETED_IN_USE = Rule("deleted-in-use", Severity.WARN, "deleting a network that pods use")
DELETED_DEFAULT = Rule(
    "deleted-though-default", Severity.DENY, "deleting a network that is listed in `defaultNetworks`"
)
PROTECTED = Rule("deleted-though-protected", Severity.DENY, "deleting a protected network that pods use")
USERS_UNKNOWN = Rule(
    "users-unknown", Severity.WARN, "changing or deleting a network while it is not known whether pods use it"
)

RULES = (
    CONFIG_TOO_LONG,
    INVENTORY_MISSING,
    CHANGED_IN_USE,
    DELETED_IN_USE,
    DELETED_DEFAULT,
    PROTECTED,
    USERS_UNKNOWN,
)

MAX_CONFIG_LENGTH = 32 * 1024
"""Characters; real configurations have a few hundred, and the time to validate a text grows with its length."""

_OUR_PREFIX = "netattach.io/"
"""The prefix of annotations that influence the findings."""

_SETTINGS = "the cluster's settings"

_CONTROLLERS = frozenset(
    f"system:serviceaccount:kube-system:{name}"
    for name in ("namespace-controller", "generic-garbage-collector")
)
"""They delete objects of a deleted namespace or owner, and retry until it is done: their deletions are never denied."""


def config_too_long(config: str) -> Finding | None:
    """The finding for a configuration that is too long to be checked."""
    return _too_long(len(config)) if len(config) > MAX_CONFIG_LENGTH else None


def nad_needs_validation(body: JsonObject, before: JsonObject | None) -> bool:
    """Whether a NAD is new, or an update changes a part that the validator uses.

    The daemon attaches pods to a network that is being deleted for as long as a finalizer holds it, so its changes count too.
    """
    return before is None or _validated_parts(body) != _validated_parts(before)


def change_depends_on_users(body: JsonObject, before: JsonObject | None, findings: Sequence[Finding]) -> bool:
    """Whether it matters for an update with these findings which pods use the NAD.

    It does where the configuration changes, unless the update is refused anyway: to look them up costs megabytes.
    """
    changes = before is not None and _config(body) != _config(before)
    return changes and all(each.effective_severity is not Severity.DENY for each in findings)


def validate_nad(
    body: JsonObject,
    before: JsonObject | None,
    nodes: Sequence[NodeInventory],
    *,
    footprints: FootprintIndex = footprint_index.NONE,
    settings: ValidationSettings = validation_settings.DEFAULTS,
    policy: NamespacePolicy = levels.PRIVILEGED,
) -> list[Finding]:
    """The findings for a new NAD (`before` is None) or a changed one; `nodes` are all inventories.

    `policy` is that of its namespace. For the pods that use it see `validate_nad_change`.
    """
    if not nad_needs_validation(body, before):
        return []
    config = _config(body)
    too_long = config_too_long(config) if isinstance(config, str) else None
    if too_long is not None:
        return [too_long]
    believed = exemptions.honoured(body, policy)
    findings = validate(believed, nodes or None, footprints=footprints, settings=settings)
    around = Surroundings(nodes, settings.networks, footprints)
    of_policy = networks.check(nad_of(body), policy, around)
    findings, further = networks.without_duplicates(findings, of_policy)
    further += [_no_inventory()] if not nodes and config else []
    return findings + validation_settings.apply_severities(further, settings, _namespace(body))


def validate_nad_change(
    body: JsonObject,
    users: NetworkUsers,
    settings: ValidationSettings = validation_settings.DEFAULTS,
) -> list[Finding]:
    """The findings for another configuration of a NAD: pods use the previous one.

    `users` are those where `change_depends_on_users`.
    """
    found = [_changed_in_use(users, _namespace(body))] if users else []
    return validation_settings.apply_severities(found, settings, _namespace(body))


def validate_nad_deletion(
    body: JsonObject,
    users: NetworkUsers,
    user: str,
    settings: ValidationSettings = validation_settings.DEFAULTS,
) -> list[Finding]:
    """The findings for the deletion of a NAD by `user`: pods use it, or it is listed in `defaultNetworks`.

    `users` are those where `deletion_depends_on_users`.
    """
    if user in _CONTROLLERS:
        return []
    if _is_default(body, settings):
        return validation_settings.apply_severities([_deleted_default()], settings, _namespace(body))
    if not users:
        return []
    found = _deleted(body, users, settings)
    return validation_settings.apply_severities([found], settings, _namespace(body))


def deletion_depends_on_users(
    body: JsonObject, user: str, settings: ValidationSettings = validation_settings.DEFAULTS
) -> bool:
    """Whether it matters for the deletion of a NAD by `user` which pods use it."""
    return user not in _CONTROLLERS and not _is_default(body, settings)


def _deleted(body: JsonObject, users: NetworkUsers, settings: ValidationSettings) -> Finding:
    """A protected network is kept where a node says that it has attached pods, and the API server does not say which.

    Nothing else that is unknown refuses: others could keep a network that nobody uses, as by pods that are too many to be listed.
    """
    pods = users.names(_namespace(body))
    annotated = unstructured.annotations_of(body).get(PROTECT) == "true"
    protected = annotated or settings.protected
    if protected and (users.pods or users.unverified):
        return _protected(
            pods if users.pods else "", users.unknown, "its annotation" if annotated else _SETTINGS
        )
    if not users.pods:
        return _users_unknown(users.unknown)
    problem = (
        f"pods use this network: {pods}. They keep their "
        "interfaces, which are released when the pods are deleted; new pods cannot be attached"
    )
    return Finding(DELETED_IN_USE, (), problem, "delete these pods too, or create the network again")


def _is_default(body: JsonObject, settings: ValidationSettings) -> bool:
    name = str(unstructured.mapping(body, "metadata").get("name") or "")
    return _namespace(body) == settings.selection.namespace and name in settings.selection.defaults


def _deleted_default() -> Finding:
    problem = (
        "it is listed in the cluster's defaultNetworks: without it, pods that get these networks cannot start"
    )
    return Finding(DELETED_DEFAULT, (), problem, "remove it from defaultNetworks first")


def _protected(pods: str, unknown: str, why: str) -> Finding:
    problem = f"{why} protects this network while pods use it: {pods}"
    first = "delete these pods first"
    if not pods:
        problem = f"{why} protects this network while pods use it, and which pods do is not known: {unknown}"
        first = "try again"
    off = f"the annotation {PROTECT}: 'false'" if why != _SETTINGS else "protectNetworksInUse to false"
    return Finding(PROTECTED, (), problem, f"{first}, or set {off}")


def _users_unknown(unknown: str) -> Finding:
    problem = f"it is not known whether pods use this network: {unknown}"
    return Finding(
        USERS_UNKNOWN, (), problem, "compare the network's column IN USE, and create it again if pods need it"
    )


def _changed_in_use(users: NetworkUsers, namespace: str) -> Finding:
    if not users.pods:
        problem = f"it is not known whether pods use the previous configuration: {users.unknown}"
        return Finding(USERS_UNKNOWN, (), problem, "compare the network's columns IN USE and OUTDATED")
    problem = (
        f"pods use the previous configuration: {users.names(namespace)}. They keep their interfaces, "
        "and are detached with the configuration that they were attached with"
    )
    return Finding(CHANGED_IN_USE, (), problem, "restart these pods where they need the new configuration")


def _no_inventory() -> Finding:
    problem = "no node has published an inventory yet, so interfaces and plugins are not validated; everything else is"
    fix = "check that the daemons are running: kubectl --namespace netattach-node get pods"
    return Finding(INVENTORY_MISSING, (), problem, fix)


def _too_long(length: int) -> Finding:
    problem = f"the configuration has {length} characters; no network needs more than {MAX_CONFIG_LENGTH}"
    fix = "remove what no plugin reads, or split it into several networks"
    return Finding(CONFIG_TOO_LONG, (), problem, fix)


def _validated_parts(body: JsonObject) -> tuple[Any, dict[str, str]]:
    """The parts of a NAD that the validator uses."""
    ours = {
        key: value for key, value in unstructured.annotations_of(body).items() if key.startswith(_OUR_PREFIX)
    }
    return _config(body), ours


def _config(body: JsonObject) -> Any:
    return unstructured.mapping(body, "spec").get("config")


def _namespace(body: JsonObject) -> str:
    return str(unstructured.mapping(body, "metadata").get("namespace") or "")
