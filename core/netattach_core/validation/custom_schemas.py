"""JSON Schemas from the cluster's settings, for plugins that the validator does not support."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.validation.plugin_chain import Entry

CUSTOM_SCHEMA = Rule(
    "foreign-schema",
    Severity.DENY,
    "a value that does not match the schema for the plugin in the cluster's settings",
)

RULES = (CUSTOM_SCHEMA,)

_MAX_FINDINGS = 20
"""Findings that one plugin's schema yields at most."""


def check(entry: Entry, schemas: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Validates the plugin's configuration and its `ipam` section, each against the schema for its type."""
    if entry.binary in schemas and (entry.plugin is None or entry.binary != entry.type):
        yield from _validate(entry.raw, entry.binary, schemas[entry.binary])
    if entry.ipam_raw is not None and entry.ipam_plugin is None and entry.ipam_type in schemas:
        yield from _validate(entry.ipam_raw, entry.ipam_type, schemas[entry.ipam_type])


def _validate(view: ConfigView, kind: str, schema: Mapping[str, Any]) -> Iterator[Finding]:
    from jsonschema import Draft202012Validator  # noqa: PLC0415  # why: see fast_schema

    errors = sorted(
        Draft202012Validator(schema).iter_errors(view.node.value), key=lambda error: error.json_path
    )
    for error in errors[:_MAX_FINDINGS]:
        where = error.json_path.removeprefix("$").removeprefix(".")
        problem = (
            f"{f'`{where}`: ' if where else ''}{error.message} (schema of {kind} in the cluster's settings)"
        )
        yield view.found(CUSTOM_SCHEMA, problem, "correct the value", *error.absolute_path)


def problem(schema: Any) -> str | None:
    """Why a schema cannot be used; None where it can. References to other schemas are refused, since nothing is fetched."""
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415  # why: see fast_schema

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"{error.json_path.removeprefix('$.')}: {error.message}"
    external = next((ref for ref in _references(schema) if not ref.startswith("#")), None)
    return f"$ref {external!r}: only references within the schema, #/…, are supported" if external else None


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key in {"$ref", "$dynamicRef"} and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)
