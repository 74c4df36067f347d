"""The cluster settings: one YAML text, validated by a schema, in the ConfigMap `netattach-config`.

The daemon reads it from a mounted file, the other programs watch the ConfigMap. The webhook refuses an invalid text; where one is
stored all the same, the last valid one stays in force.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from netattach_core.api import network_selection
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.errors import ConfigError
from netattach_core.native import plugin_types
from netattach_core.net import addresses
from netattach_core.policy.settings import PolicySettings
from netattach_core.text.finding import Severity
from netattach_core.validation.fast_schema import quick_check
from netattach_core.validation.settings import ClusterNetworks, Exemption, ValidationSettings
from netattach_kube import policy_settings
from netattach_kube.log_levels import LogLevel

if TYPE_CHECKING:
    from jsonschema import ValidationError

NAME = "netattach-config"
NAMESPACE = "netattach-node"
KEY = "config.yaml"


class StatusForPlainPods(enum.StrEnum):
    """Whether a pod without secondary networks gets network-status too."""

    ASYNC = "async"
    NEVER = "never"


class SkipIdlePlugins(enum.StrEnum):
    """Whether plugins that have nothing to do in a call are started."""

    AUTO = "auto"
    NEVER = "never"


class NativeLinks(enum.StrEnum):
    """Whether a native driver may replace a plugin."""

    AUTO = "auto"
    NEVER = "never"


class AddedInterfaceEvents(enum.StrEnum):
    """Whether the interfaces of a pod are reported in one Event, or in one for each, as Multus does."""

    PER_POD = "perPod"
    PER_INTERFACE = "perInterface"


class Takeover(enum.StrEnum):
    """Whether netattach takes the first place from a Multus that serves a node, or waits for its uninstall."""

    AUTO = "auto"
    NEVER = "never"


class Scheduling(enum.StrEnum):
    """Whether pods are kept away from nodes on which one of their networks is not ready, or only warned of that."""

    OFF = "off"
    WARN = "warn"
    ON = "on"


class DeviceInjection(enum.StrEnum):
    """Whether a pod gets requests for the devices of its networks, or only a warning where they are missing."""

    OFF = "off"
    WARN = "warn"
    ON = "on"


class StartupTaint(enum.StrEnum):
    """Whether the taint of a node is removed once an attachment works there, and added to new and rebooted nodes too."""

    OFF = "off"
    REMOVE = "remove"
    MANAGE = "manage"


class UnmetPods(enum.StrEnum):
    """Whether pods that run without a network that they ask for are only reported, or evicted too."""

    REPORT = "report"
    EVICT = "evict"


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """The values of the text's keys, or their defaults. `validation` is for the validator, `policy` for policy.

    `native_plugins` are the types of plugins that a native driver may replace. Without a `log_level`, each program has that of
    its environment.
    """

    status_for_plain_pods: StatusForPlainPods = StatusForPlainPods.ASYNC
    skip_idle_plugins: SkipIdlePlugins = SkipIdlePlugins.AUTO
    native_plugins: frozenset[str] = plugin_types.TYPES
    added_interface_events: AddedInterfaceEvents = AddedInterfaceEvents.PER_POD
    log_level: LogLevel | None = None
    takeover: Takeover = Takeover.NEVER
    scheduling: Scheduling = Scheduling.WARN
    device_injection: DeviceInjection = DeviceInjection.WARN
    startup_taint: StartupTaint = StartupTaint.REMOVE
    unmet_pods: UnmetPods = UnmetPods.REPORT
    validation: ValidationSettings = field(default_factory=lambda: _validation_settings({}, {}))
    policy: PolicySettings = field(
        default_factory=lambda: policy_settings.read({}, network_selection.DEFAULTS.namespace)
    )


_LONGEST_PROBLEM = 300
"""Characters; a problem quotes the invalid value."""

_TEXT = {"type": "string", "minLength": 1}
_LABEL = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
_NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"}
_TEXTS = {"type": "array", "items": _TEXT}
_SEVERITY = {"enum": ["deny", "warn", "off", False]}
"""YAML reads a bare `off` as false."""

_SWITCH = {"enum": ["off", "warn", "on", False, True]}
"""Likewise, and a bare `on` as true."""

_WORDS = {False: "off", True: "on"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


SCHEMA: dict[str, Any] = _object(
    statusForPlainPods={"enum": [choice.value for choice in StatusForPlainPods]},
    skipIdlePlugins={"enum": [choice.value for choice in SkipIdlePlugins]},
    nativeLinks=_object(
        **{kind: {"enum": [choice.value for choice in NativeLinks]} for kind in sorted(plugin_types.TYPES)}
    ),
    addedInterfaceEvents={"enum": [choice.value for choice in AddedInterfaceEvents]},
    logLevel={"enum": [choice.value for choice in LogLevel]},
    takeover={"enum": [choice.value for choice in Takeover]},
    scheduling=_SWITCH,
    deviceInjection=_SWITCH,
    startupTaint={"enum": [*(choice.value for choice in StartupTaint), False]},
    unmetPods={"enum": [choice.value for choice in UnmetPods]},
    primaryNetwork={"type": "string"},
    defaultNetworks={"type": "array", "items": _NAME, "uniqueItems": True},
    networksNamespace=_LABEL,
    systemNamespaces={"type": "array", "items": _LABEL},
    namespaceIsolation={"type": "boolean"},
    globalNamespaces=_TEXTS,
    protectNetworksInUse={"type": "boolean"},
    policy=policy_settings.SCHEMA,
    clusterNetworks=_object(pods=_TEXTS, services=_TEXTS, nodes=_TEXTS),
    validation=_object(
        mode={"enum": ["enforce", "warn"]},
        severities={"type": "object", "additionalProperties": _SEVERITY},
        exemptions={
            "type": "array",
            "items": {
                **_object(
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


def parse(text: str) -> ClusterSettings:
    """Parses a text; an empty one means all defaults. Raises ConfigError with all problems, one per line.

    `judge` is the former name of `validation`: an upgrade must not turn off all settings because of it.
    """
    body = _yaml(text)
    if isinstance(body, dict) and "judge" in body and "validation" not in body:
        body = {**body, "validation": body["judge"]}
        del body["judge"]
    problems = _schema_problems(body) or [f"{KEY}: {problem}" for problem in _further_problems(body)]
    if problems:
        raise ConfigError("\n".join(problems))
    validation = _validation_settings(body, body.get("validation") or {})
    return ClusterSettings(
        status_for_plain_pods=StatusForPlainPods(body.get("statusForPlainPods", StatusForPlainPods.ASYNC)),
        skip_idle_plugins=SkipIdlePlugins(body.get("skipIdlePlugins", SkipIdlePlugins.AUTO)),
        native_plugins=_native_plugins(body.get("nativeLinks") or {}),
        added_interface_events=AddedInterfaceEvents(
            body.get("addedInterfaceEvents", AddedInterfaceEvents.PER_POD)
        ),
        log_level=LogLevel(body["logLevel"]) if "logLevel" in body else None,
        takeover=Takeover(body.get("takeover", Takeover.NEVER)),
        scheduling=Scheduling(_word(body.get("scheduling", Scheduling.WARN))),
        device_injection=DeviceInjection(_word(body.get("deviceInjection", DeviceInjection.WARN))),
        startup_taint=StartupTaint(_word(body.get("startupTaint", StartupTaint.REMOVE))),
        unmet_pods=UnmetPods(body.get("unmetPods", UnmetPods.REPORT)),
        validation=validation,
        policy=policy_settings.read(body.get("policy") or {}, validation.selection.namespace),
    )


def _word(value: Any) -> Any:
    """A switch as its word."""
    return _WORDS[value] if isinstance(value, bool) else value


def _native_plugins(chosen: Mapping[str, str]) -> frozenset[str]:
    return frozenset(kind for kind in plugin_types.TYPES if chosen.get(kind) != NativeLinks.NEVER)


class _Loader(yaml.SafeLoader):
    """Without aliases: a few lines of them can expand to more than the memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            where = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # PyYAML has no types
            raise yaml.YAMLError(f"line {where.line + 1}: an alias (*name), which is not supported")
        return super().compose_node(parent, index)


def _yaml(text: str) -> Any:
    """The value, {} for an empty text. Raises ConfigError."""
    try:
        body = yaml.load(text, _Loader)  # noqa: S506  # derived from SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError(f"{KEY} is not YAML: {error}") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # What its constructors raise for a date without a day, a number of thousands of digits, …
        raise ConfigError(f"{KEY} has an invalid value: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{KEY} has too many lists and maps inside each other") from error
    return {} if body is None else body


def _api_server(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The address of the API server's Service, which every container gets; nothing outside of a cluster."""
    address = addresses.parse_ip(environment.get("KUBERNETES_SERVICE_HOST", ""))
    return () if address is None else (f"{address}/{address.max_prefixlen}",)


def _validation_settings(body: Mapping[str, Any], validation: Mapping[str, Any]) -> ValidationSettings:
    networks = {what: tuple(subnets) for what, subnets in (body.get("clusterNetworks") or {}).items()}
    environment = os.environ  # noqa: TID251  # no setting of ours: the kubelet writes it for each container
    networks |= {"api_server": _api_server(environment)}
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


def _further_problems(body: Mapping[str, Any]) -> Iterator[str]:
    """Those that the schema cannot express."""
    if "/" in body.get("primaryNetwork", ""):
        yield "primaryNetwork: write the file name only; the file is in the CNI config directory of the node"
    for what, subnets in (body.get("clusterNetworks") or {}).items():
        for index, text in enumerate(subnets):
            if addresses.parse_cidr(text) is None:
                yield f"clusterNetworks.{what}[{index}]: {text!r} is not a subnet; write it as 10.244.0.0/16"
    yield from policy_settings.problems(body.get("policy") or {})


def from_config_map(body: dict[str, Any]) -> ClusterSettings:
    """Parses the ConfigMap. Raises ConfigError."""
    data = body.get("data") or {}
    if not isinstance(data, dict):
        raise ConfigError("data is not an object of strings")
    unknown = sorted(data.keys() - {KEY})
    if unknown:
        raise ConfigError(f"data.{unknown[0]}: unknown key; the settings are in data.{KEY}")
    text = data.get(KEY, "")
    if not isinstance(text, str):
        raise ConfigError(f"data.{KEY} is not a string")
    return parse(text)


MULTUS_KEYS = {
    "clusterNetwork": "primaryNetwork",
    "delegates": "primaryNetwork",
    "multusMasterCNI": "primaryNetwork",
    "multusNamespace": "networksNamespace",
    "auxiliaryCNIChainName": "a directory with the name of the default network's config, next to its file",
    "readinessindicatorfile": "nothing: netattach waits for the default network's file",
    "retryDeleteOnError": "nothing: a failed DEL is always retried",
    "overrideNetworkName": "nothing: netattach finds attachments by sandbox, not by network name",
    "perNodeCertificate": "nothing: the daemon's account may change network-status alone, of pods on its own node",
    "chrootDir": "nothing: plugins run where the runtime runs them",
    "connectionLimit": "nothing: calls are queued",
}
"""Keys of Multus' daemon-config, and what to set instead."""


def _schema_problems(body: Any) -> list[str]:
    if quick_check(SCHEMA)(body):
        return []
    from jsonschema import Draft202012Validator  # noqa: PLC0415  # why: see fast_schema

    return [f"{KEY}: {_problem(error)}" for error in Draft202012Validator(SCHEMA).iter_errors(body)]


def _problem(error: ValidationError) -> str:
    place, message = error.json_path.removeprefix("$").removeprefix("."), error.message
    if not place and isinstance(error.instance, dict):
        multus = [key for key in error.instance if key in MULTUS_KEYS]
        message += "".join(f"; instead of Multus' {key}: {MULTUS_KEYS[key]}" for key in multus)
    message = message if len(message) <= _LONGEST_PROBLEM else f"{message[:_LONGEST_PROBLEM]}…"
    return f"{place}: {message}" if place else message
