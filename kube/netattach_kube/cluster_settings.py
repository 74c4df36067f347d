"""The cluster's settings: one YAML text, checked against a schema, in the ConfigMap `netattach-config`.

The daemon reads it from a mounted file, the others watch the one object; a text that is broken is refused when it is applied, and
where one comes through all the same, the last good one stays in force.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema
import yaml

from netattach_core.api import network_selection
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.errors import ConfigError
from netattach_core.net import addresses
from netattach_core.text.finding import Severity
from netattach_core.validation import settings as validation_settings
from netattach_core.validation.settings import ClusterNetworks, Exemption, ValidationSettings

NAME = "netattach-config"
NAMESPACE = "netattach-node"
KEY = "config.yaml"


class StatusForPlainPods(enum.StrEnum):
    """Whether a pod without secondary networks gets network-status too (npwg-spec S73)."""

    ASYNC = "async"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Each key of the text, in camel case; what is absent has its default. `validation` holds all that validation needs."""

    status_for_plain_pods: StatusForPlainPods = StatusForPlainPods.ASYNC
    validation: ValidationSettings = validation_settings.DEFAULTS


_LONGEST_PROBLEM = 300
"""Characters; a problem quotes the value."""

_TEXT = {"type": "string", "minLength": 1}
_LABEL = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
_NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"}
_TEXTS = {"type": "array", "items": _TEXT}
_SEVERITY = {"enum": [*(severity.value for severity in Severity), False]}
"""YAML reads a bare `off` as false."""


def _record(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


SCHEMA: dict[str, Any] = _record(
    statusForPlainPods={"enum": [choice.value for choice in StatusForPlainPods]},
    primaryNetwork={"type": "string"},
    defaultNetworks={"type": "array", "items": _NAME, "uniqueItems": True},
    networksNamespace=_LABEL,
    systemNamespaces={"type": "array", "items": _LABEL},
    namespaceIsolation={"type": "boolean"},
    globalNamespaces=_TEXTS,
    protectNetworksInUse={"type": "boolean"},
    clusterNetworks=_record(pods=_TEXTS, services=_TEXTS, nodes=_TEXTS),
    validation=_record(
        mode={"enum": ["enforce", "warn"]},
        severities={"type": "object", "additionalProperties": _SEVERITY},
        exemptions={
            "type": "array",
            "items": {
                **_record(
                    namespaces={**_TEXTS, "minItems": 1},
                    rules=_TEXTS,
                    severity={"enum": ["warn", "off", False]},
                ),
                "required": ["namespaces"],
            },
        },
        schemas={"type": "object", "additionalProperties": {"type": ["object", "boolean"]}},
    ),
)

_validator = jsonschema.Draft202012Validator(SCHEMA)


def parse(text: str) -> ClusterSettings:
    """Reads a text; an empty one is all defaults. Raises ConfigError, which names every problem, each in a line."""
    body = _yaml(text)
    problems = [f"{KEY}: {_problem(error)}" for error in _validator.iter_errors(body)]
    problems = problems or [f"{KEY}: {problem}" for problem in _odd(body)]
    if problems:
        raise ConfigError("\n".join(problems))
    return ClusterSettings(
        status_for_plain_pods=StatusForPlainPods(body.get("statusForPlainPods", StatusForPlainPods.ASYNC)),
        validation=_validation_settings(body, body.get("validation") or {}),
    )


class _Loader(yaml.SafeLoader):
    """Without aliases: a few lines of them can spell out more than any memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            where = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # as PyYAML is
            raise yaml.YAMLError(f"line {where.line + 1}: an alias (*name), which is not read here")
        return super().compose_node(parent, index)


def _yaml(text: str) -> Any:
    """The value, {} for an empty text. Raises ConfigError."""
    try:
        body = yaml.load(text, _Loader)  # noqa: S506  # it is a safe one
    except yaml.YAMLError as error:
        raise ConfigError(f"{KEY} is not YAML: {error}") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # What its constructors raise of a date without a day, a number of thousands of digits …
        raise ConfigError(f"{KEY} has a value that YAML cannot make: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{KEY} has too many lists and maps inside each other") from error
    return {} if body is None else body


def _validation_settings(body: Mapping[str, Any], validation: Mapping[str, Any]) -> ValidationSettings:
    networks = {what: tuple(subnets) for what, subnets in (body.get("clusterNetworks") or {}).items()}
    return ValidationSettings(
        severities={rule: _severity(word) for rule, word in (validation.get("severities") or {}).items()},
        exemptions=tuple(_exemption(each) for each in validation.get("exemptions") or ()),
        schemas=validation.get("schemas") or {},
        warn_only=validation.get("mode") == "warn",
        selection=_selection_settings(body),
        networks=ClusterNetworks(**networks),
        protected=bool(body.get("protectNetworksInUse")),
    )


def _selection_settings(body: Mapping[str, Any]) -> SelectionSettings:
    absent = network_selection.DEFAULTS
    return SelectionSettings(
        primary=body.get("primaryNetwork", absent.primary),
        defaults=tuple(body.get("defaultNetworks", absent.defaults)),
        system_namespaces=frozenset(body.get("systemNamespaces", absent.system_namespaces)),
        namespace=body.get("networksNamespace", absent.namespace),
        isolated=bool(body.get("namespaceIsolation")),
        global_namespaces=frozenset(body.get("globalNamespaces", absent.global_namespaces)),
    )


def _exemption(body: Mapping[str, Any]) -> Exemption:
    severity = _severity(body.get("severity", Severity.WARN))
    return Exemption(tuple(body["namespaces"]), tuple(body.get("rules") or ()), severity)


def _severity(word: Any) -> Severity:
    return Severity.OFF if word is False else Severity(word)


def _odd(body: Mapping[str, Any]) -> Iterator[str]:
    """What the schema cannot say."""
    if "/" in body.get("primaryNetwork", ""):
        yield "primaryNetwork: write the file's name alone; it stands in the node's CNI configuration directory"
    for what, subnets in (body.get("clusterNetworks") or {}).items():
        for index, text in enumerate(subnets):
            if addresses.parse_cidr(text) is None:
                yield f"clusterNetworks.{what}[{index}]: {text!r} is no subnet; write it as 10.244.0.0/16"


def from_config_map(body: dict[str, Any]) -> ClusterSettings:
    """Reads the ConfigMap. Raises ConfigError."""
    data = body.get("data") or {}
    if not isinstance(data, dict):
        raise ConfigError("data is no object of texts")
    unknown = sorted(data.keys() - {KEY})
    if unknown:
        raise ConfigError(f"data.{unknown[0]}: nobody reads this key; the settings are in data.{KEY}")
    text = data.get(KEY, "")
    if not isinstance(text, str):
        raise ConfigError(f"data.{KEY} is no text")
    return parse(text)


_INSTEAD_OF_MULTUS = {
    "clusterNetwork": "primaryNetwork",
    "delegates": "primaryNetwork",
    "multusMasterCNI": "primaryNetwork",
    "multusNamespace": "networksNamespace",
    "auxiliaryCNIChainName": "the directory of the primary network's name, beside its file",
    "readinessindicatorfile": "nothing: the primary network's file is waited for",
    "retryDeleteOnError": "nothing: what cannot be freed is never forgotten",
}
"""Its keys that somebody may bring along, and what stands in their place."""


def _problem(error: jsonschema.ValidationError) -> str:
    where, said = error.json_path.removeprefix("$").removeprefix("."), error.message
    if not where and isinstance(error.instance, dict):
        multus = [key for key in error.instance if key in _INSTEAD_OF_MULTUS]
        said += "".join(f"; in the place of Multus' {key}: {_INSTEAD_OF_MULTUS[key]}" for key in multus)
    said = said if len(said) <= _LONGEST_PROBLEM else f"{said[:_LONGEST_PROBLEM]}…"
    return f"{where}: {said}" if where else said
