"""The cluster's settings: one YAML text, checked against a schema, in the ConfigMap `netattach-config`.

The daemon reads it from a mounted file, the others watch the one object; a text that is broken is refused when it is applied, and
where one comes through all the same, the last good one stays in force.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import jsonschema
import yaml

from netattach_core.errors import ConfigError

NAME = "netattach-config"
NAMESPACE = "netattach-node"
KEY = "config.yaml"


class StatusForPlainPods(enum.StrEnum):
    """Whether a pod without secondary networks gets network-status too (npwg-spec S73)."""

    ASYNC = "async"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Each field is a key of the text, in camel case; what is absent has its default."""

    status_for_plain_pods: StatusForPlainPods = StatusForPlainPods.ASYNC


SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "statusForPlainPods": {"enum": [choice.value for choice in StatusForPlainPods]},
    },
}

_validator = jsonschema.Draft202012Validator(SCHEMA)


def parse(text: str) -> ClusterSettings:
    """Reads a text; an empty one is all defaults. Raises ConfigError, which names every problem, each in a line."""
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{KEY} is not YAML: {error}") from error
    body = {} if body is None else body
    problems = [f"{KEY}: {_problem(error)}" for error in _validator.iter_errors(body)]
    if problems:
        raise ConfigError("\n".join(problems))
    return ClusterSettings(
        status_for_plain_pods=StatusForPlainPods(body.get("statusForPlainPods", StatusForPlainPods.ASYNC))
    )


def from_config_map(body: dict[str, Any]) -> ClusterSettings:
    """Reads the ConfigMap. Raises ConfigError."""
    data = body.get("data") or {}
    unknown = sorted(data.keys() - {KEY})
    if unknown:
        raise ConfigError(f"data.{unknown[0]}: nobody reads this key; the settings are in data.{KEY}")
    text = data.get(KEY, "")
    if not isinstance(text, str):
        raise ConfigError(f"data.{KEY} is no text")
    return parse(text)


def _problem(error: jsonschema.ValidationError) -> str:
    where = error.json_path.removeprefix("$").removeprefix(".")
    return f"{where}: {error.message}" if where else error.message
