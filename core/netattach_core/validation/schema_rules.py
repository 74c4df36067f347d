"""Rules for values: the JSON Schema of each plugin (Draft 2020-12), with messages for its errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from netattach_core.plugins.view import ConfigView
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Rule, Severity, path_text
from netattach_core.validation import right_form
from netattach_core.validation.fast_schema import quick_check
from netattach_core.validation.go_json import cache_per_schema

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

SCHEMA = Rule("schema", Severity.DENY, "a value of the wrong type, or one that the plugin does not accept")
NUMBER_FORM = Rule("number-form", Severity.WARN, "an integer in the form of a float")

_UNBOUNDED = 2**31
"""Limits from here on are those of an integer type, and are not mentioned in messages."""

RULES = (SCHEMA, NUMBER_FORM)

_TYPE_NAMES = {
    "string": "a string in double quotes",
    "integer": "an integer",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}


def check(view: ConfigView, schema: Mapping[str, Any], reader: str) -> Iterator[Finding]:
    """The findings for an object against a schema. `reader` is who refuses it: a plugin's type, or `every CNI runtime`."""
    if not quick_check(schema)(view.node.value):
        yield from _found(view, schema, reader)
        yield from _floats(view, schema)
    yield from _duplicates(view, schema, reader)


def _found(view: ConfigView, schema: Mapping[str, Any], reader: str) -> Iterator[Finding]:
    for error in _validator(schema).iter_errors(view.node.value):
        if error.validator == "enum" and not isinstance(error.instance, str):
            continue  # its type is reported already
        problem, fix = _explain(error)
        where = tuple(error.absolute_path)
        yield view.found(SCHEMA, f"{problem}; {reader} refuses it", fix, *where)


def _duplicates(view: ConfigView, schema: Mapping[str, Any], reader: str) -> Iterator[Finding]:
    """Duplicate keys, in any case: the last one is used, but Go decodes each, and fails for a wrong type."""
    if not view.node.members and not view.node.items:
        return
    properties = schema.get("properties", {})
    last = {member.key: member for member in view.node.members}
    for member in view.node.members:
        wanted = properties.get(member.key)
        is_last = member is last[member.key]
        if wanted is None or (is_last and not member.node.members and not member.node.items):
            continue
        inner = ConfigView(member.node, (*view.path, member.key))
        if is_last:
            yield from _duplicates(inner, wanted, reader)
        elif not _is_readable(member.node.value, wanted):
            problem = f"`{member.key}` is there twice, and the first is {_described(member.node.value)}"
            yield inner.found(SCHEMA, f"{problem}; {reader} refuses it", "remove one of the two")
    for item in view.items() if "items" in schema else ():
        yield from _duplicates(item, schema["items"], reader)


def _is_readable(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether Go can decode a value into the type of its field; the plugin may refuse it afterwards."""
    for error in _validator(schema).iter_errors(value):
        if error.validator == "type":
            return False
        if error.validator in {"minimum", "maximum"} and not _fits(error.instance, _schema(error)):
            return False
    return True


def _fits(number: float, schema: Mapping[str, Any]) -> bool:
    """Whether a number fits into the integer type that a schema's bounds indicate."""
    high = schema.get("maximum", 0)
    unsigned = schema.get("minimum") == 0 and high >= _UNBOUNDED
    return 0 <= number <= high if unsigned else -(2**63) <= number < 2**63


@cache_per_schema
def _validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    """Cached for each schema: building a validator takes longer than using it."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415  # why: see fast_schema

    return Draft202012Validator(schema)


def _explain(error: ValidationError) -> tuple[str, str]:
    """Problem and fix for an error; keywords without a message here yield that of jsonschema."""
    name = f"`{_name(error)}`"
    explain = _EXPLANATIONS.get(str(error.validator))
    if explain is None:
        return f"{name} is not valid: {error.message}", "correct it"
    problem, fix = explain(name, error)
    return problem, _right_form(error) or _schema(error).get("fix", fix)


def _right_form(error: ValidationError) -> str | None:
    """The fix for a value that has to be a list or an object: the whole of it in the right form, where that is clear."""
    kinds: Any = error.validator_value if error.validator == "type" else ()
    if {"array", "object"}.isdisjoint([kinds] if isinstance(kinds, str) else kinds):
        return None
    last = error.absolute_path[-1] if error.absolute_path else 0
    form = right_form.text_of(error.instance, _schema(error), last if isinstance(last, str) else "")
    return f"write {form}" if form else None


def _name(error: ValidationError) -> str:
    """The last key with the indexes after it: `vlanTrunk[1]`."""
    path = list(error.absolute_path)
    start = max((i for i, part in enumerate(path) if isinstance(part, str)), default=0)
    return path_text(tuple(path[start:]))


def _type(name: str, error: ValidationError) -> tuple[str, str]:
    value: Any = error.validator_value
    wanted = [kind for kind in ([value] if isinstance(value, str) else value) if kind != "null"]
    allowed = [word for word in _schema(error).get("enum", ()) if word]
    fix = f"write one of {', '.join(allowed)}" if allowed else _retyped(error.instance, wanted[0])
    meant = _schema(error).get("meant", {}).get(str(error.instance))
    fix = f'write "{meant}"' if meant else fix
    expected = " or ".join(_TYPE_NAMES[kind] for kind in wanted)
    return f"{name} is {_described(error.instance)}; it must be {expected}", fix


def _schema(error: ValidationError) -> Mapping[str, Any]:
    """The part of the schema that the value does not meet; empty for the schemas true and false."""
    return error.schema if isinstance(error.schema, Mapping) else {}


def _described(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    shown = text if len(text) <= 40 else text[:37] + "…"
    if isinstance(value, bool):
        return f"{shown}, without quotes"
    kind = next((word for types, word in _DESCRIPTIONS if isinstance(value, types)), "")
    return f"{kind}{shown}"


_DESCRIPTIONS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (str, "the string "),
    ((int, float), "the number "),
    (list, "the list "),
    (dict, "the object "),
)


def _retyped(value: Any, wanted: str) -> str:
    """The fix: the same value in the wanted type, where that is possible."""
    if isinstance(value, str) and wanted in {"integer", "boolean"}:
        word = value.strip().lower()
        if (wanted == "integer" and word.lstrip("-").isdigit()) or (
            wanted == "boolean" and word in {"true", "false"}
        ):
            return f"write {word}, without quotes"
    if wanted == "boolean":
        return "write true or false, without quotes"
    if wanted == "integer":
        return "write an integer, without quotes"
    if wanted == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return f'write "{json.dumps(value)}", in quotes'
    if wanted == "array" and isinstance(value, dict | str):
        return "put it in brackets: [ … ]"
    return f"write {_TYPE_NAMES[wanted]}"


def _enum(name: str, error: ValidationError) -> tuple[str, str]:
    value: Any = error.validator_value
    known = [word for word in value if word != ""]
    schema, word = _schema(error), str(error.instance).strip().lower()
    close = schema.get("meant", {}).get(word) or suggestions.closest(str(error.instance), known)
    fix = f"did you mean `{close}`?" if close else f"write one of {', '.join(known)}"
    problem = f"{name} `{error.instance}` is not one of {', '.join(known)}"
    if plugin := schema.get("elsewhere", {}).get(word):
        problem = f"{name} `{error.instance}` is one of {plugin}, and not one of {', '.join(known)}"
        fix = f'write one of {", ".join(known)}, or "type": "{plugin}"'
    return problem, fix


def _bounds(name: str, error: ValidationError) -> tuple[str, str]:
    schema = _schema(error)
    low, high = schema.get("minimum", 0), schema.get("maximum", 0)
    number = f"a number from {low} to {high}"
    if high >= _UNBOUNDED:
        number = "a number of 0 or more" if error.validator == "minimum" else "a smaller number"
    return f"{name} is {error.instance}; it must be {number}", f"write {number}"


def _too_long(name: str, error: ValidationError) -> tuple[str, str]:
    return f"{name} has more than {error.validator_value} characters", "shorten it"


_EXPLANATIONS: dict[str, Callable[[str, ValidationError], tuple[str, str]]] = {
    "type": _type,
    "enum": _enum,
    "minimum": _bounds,
    "maximum": _bounds,
    "maxLength": _too_long,
}


def _floats(
    view: ConfigView, schema: Mapping[str, Any], where: tuple[str | int, ...] = ()
) -> Iterator[Finding]:
    """Go refuses to decode 1500.0 into an integer; it works only since libcni, and the daemon, pass 1500 to the plugin."""
    value = _at(view.node.value, where)
    if schema.get("type") == "integer" and isinstance(value, float) and value.is_integer():
        problem = f"`{path_text(where[-1:])}` is written as a float; the plugin accepts it only because the daemon rewrites it"
        yield view.found(NUMBER_FORM, problem, f"write {int(value)}", *where)
    elif isinstance(value, dict):
        for key, inner in schema.get("properties", {}).items():
            if key in value:
                yield from _floats(view, inner, (*where, key))
    elif isinstance(value, list) and "items" in schema:
        for index in range(len(value)):
            yield from _floats(view, schema["items"], (*where, index))


def _at(value: Any, where: tuple[str | int, ...]) -> Any:
    for part in where:
        value = value[part]
    return value
