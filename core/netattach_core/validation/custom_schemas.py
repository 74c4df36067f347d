"""Plugins that the validator does not know, and an administrator does: a JSON Schema for each, from the cluster's settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema import Draft202012Validator

from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.validation.plugin_chain import Entry

FOREIGN_SCHEMA = Rule(
    "foreign-schema", Severity.DENY, "a key against the schema that the cluster's settings have for a plugin"
)

RULES = (FOREIGN_SCHEMA,)

_MOST = 20
"""Findings of one plugin's schema."""


def check(entry: Entry, schemas: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """The plugin's own section, and that of its IPAM plugin."""
    if entry.binary in schemas and (entry.plugin is None or entry.binary != entry.type):
        yield from _against(entry.raw, entry.binary, schemas[entry.binary])
    if entry.ipam_raw is not None and entry.ipam_plugin is None and entry.ipam_type in schemas:
        yield from _against(entry.ipam_raw, entry.ipam_type, schemas[entry.ipam_type])


def _against(view: View, kind: str, schema: Mapping[str, Any]) -> Iterator[Finding]:
    errors = sorted(
        Draft202012Validator(schema).iter_errors(view.node.value), key=lambda error: error.json_path
    )
    for error in errors[:_MOST]:
        where = error.json_path.removeprefix("$").removeprefix(".")
        problem = f"{f'`{where}`: ' if where else ''}{error.message}, says the schema of {kind} in the cluster's settings"
        yield view.found(FOREIGN_SCHEMA, problem, "correct it", *error.absolute_path)


def problem(schema: Any) -> str | None:
    """Why a schema cannot be used; None where it can. It may refer to its own parts only: nothing is fetched."""
    try:
        Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        return f"{error.json_path.removeprefix('$.')}: {error.message}"
    foreign = next((ref for ref in _references(schema) if not ref.startswith("#")), None)
    return f"$ref {foreign!r}: only a part of the same schema, #/…, can be referred to" if foreign else None


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key in {"$ref", "$dynamicRef"} and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)
