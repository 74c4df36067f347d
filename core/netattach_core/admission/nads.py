"""NADs: validated where the text is new; deleted and changed with a word on the pods that use them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netattach_core.admission import unstructured
from netattach_core.admission.unstructured import JsonObject
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import PROTECT
from netattach_core.api.objects import Key
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.validation import footprint_index
from netattach_core.validation import settings as validation_settings
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.settings import ValidationSettings
from netattach_core.validation.validator import validate

CONFIG_TOO_LONG = Rule("config-too-long", Severity.DENY, "a configuration of a length that no network needs")
INVENTORY_MISSING = Rule("inventory-missing", Severity.WARN, "no node has said yet what it has")
CHANGED_IN_USE = Rule("changed-in-use", Severity.WARN, "another configuration for a network that pods use")
DELETED_IN_USE = Rule("deleted-in-use", Severity.WARN, "a network that goes while pods use it")
DELETED_DEFAULT = Rule("deleted-though-default", Severity.DENY, "a network that goes while every pod gets it")
PROTECTED = Rule("deleted-though-protected", Severity.DENY, "a protected network that goes while pods use it")

RULES = (CONFIG_TOO_LONG, INVENTORY_MISSING, CHANGED_IN_USE, DELETED_IN_USE, DELETED_DEFAULT, PROTECTED)

MAX_CONFIG_LENGTH = 32 * 1024
"""Characters. To validate a text takes a time that its author chooses, and real ones have a few hundred."""

_OURS = "netattach.io/"
"""How the annotations begin that change what is said of a NAD."""

_CLEANERS = frozenset(
    f"system:serviceaccount:kube-system:{name}"
    for name in ("namespace-controller", "generic-garbage-collector")
)
"""They delete because something else was deleted, and come again until it is done: nothing of theirs is ever refused."""


def nad_needs_validation(body: JsonObject, before: JsonObject | None) -> bool:
    """Whether there is anything to validate: a NAD that is new, or of which an update changes what the validator looks at."""
    return not unstructured.is_being_deleted(body) and (
        before is None or _validated_of(body) != _validated_of(before)
    )


def validate_nad(
    body: JsonObject,
    before: JsonObject | None,
    nodes: Sequence[NodeInventory],
    *,
    footprints: FootprintIndex = footprint_index.NONE,
    users: Sequence[Key] = (),
    settings: ValidationSettings = validation_settings.DEFAULTS,
) -> list[Finding]:
    """What is wrong with a NAD; `before` is None for a new one, `nodes` empty where none has reported, `users` its pods."""
    if not nad_needs_validation(body, before):
        return []
    config = unstructured.mapping(body, "spec").get("config")
    if isinstance(config, str) and len(config) > MAX_CONFIG_LENGTH:
        return [_too_long(len(config))]
    findings = validate(body, nodes or None, footprints=footprints, settings=settings)
    beside = [_no_inventory()] if not nodes and config else []
    if before is not None and users and config != unstructured.mapping(before, "spec").get("config"):
        beside.append(_changed_in_use(list(users)))
    return findings + validation_settings.apply_severities(beside, settings, _namespace(body))


def validate_nad_deletion(
    body: JsonObject,
    users: Sequence[Key],
    user: str,
    settings: ValidationSettings = validation_settings.DEFAULTS,
) -> list[Finding]:
    """What is said where a NAD is deleted by `user` while pods use it, or all that come are to have it."""
    if user in _CLEANERS:
        return []
    if _is_default(body, settings):
        return validation_settings.apply_severities([_deleted_default()], settings, _namespace(body))
    if not users:
        return []
    annotated = unstructured.annotations_of(body).get(PROTECT) == "true"
    if annotated or settings.protected:
        found = _protected(list(users), "its annotation" if annotated else "the cluster's settings")
    else:
        problem = (
            f"pods use this network: {unstructured.list_names(users)}. They keep their interface, "
            "and what it holds is freed when they go; a pod that is started anew is not attached"
        )
        found = Finding(DELETED_IN_USE, (), problem, "delete those pods too, or create the network again")
    return validation_settings.apply_severities([found], settings, _namespace(body))


def _is_default(body: JsonObject, settings: ValidationSettings) -> bool:
    name = str(unstructured.mapping(body, "metadata").get("name") or "")
    return _namespace(body) == settings.selection.namespace and name in settings.selection.defaults


def _deleted_default() -> Finding:
    problem = "it is one of the cluster's defaultNetworks: without it no pod starts that is to have them"
    return Finding(DELETED_DEFAULT, (), problem, "take it out of defaultNetworks first")


def _protected(users: list[Key], why: str) -> Finding:
    problem = f"{why} protects this network while pods use it, and these do: {unstructured.list_names(users)}"
    fix = f"delete those pods first, or annotate the network with {PROTECT}: 'false'"
    if why != "its annotation":
        fix = "delete those pods first, or set protectNetworksInUse to false"
    return Finding(PROTECTED, (), problem, fix)


def _changed_in_use(users: list[Key]) -> Finding:
    problem = (
        f"pods use this network as it was: {unstructured.list_names(users)}. They keep what they have, "
        "and are freed by the text that they were attached with"
    )
    return Finding(CHANGED_IN_USE, (), problem, "start those pods anew where they are to have the new one")


def _no_inventory() -> Finding:
    problem = "no node has reported yet, so nothing is known of interfaces and plugins; the rest is validated"
    fix = "see whether the daemons run: kubectl --namespace netattach-node get pods"
    return Finding(INVENTORY_MISSING, (), problem, fix)


def _too_long(length: int) -> Finding:
    problem = f"the configuration has {length} characters; no network needs more than {MAX_CONFIG_LENGTH}"
    fix = "remove what no plugin reads, or make several networks of it"
    return Finding(CONFIG_TOO_LONG, (), problem, fix)


def _validated_of(body: JsonObject) -> tuple[Any, dict[str, str]]:
    """The parts of a NAD that the validator looks at."""
    ours = {key: value for key, value in unstructured.annotations_of(body).items() if key.startswith(_OURS)}
    return unstructured.mapping(body, "spec").get("config"), ours


def _namespace(body: JsonObject) -> str:
    return str(unstructured.mapping(body, "metadata").get("namespace") or "")
