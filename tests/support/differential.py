"""Differential test of the validator against the plugins' binaries: generates configs and compares both outcomes.

A subject is a plugin with valid configs. A test config is one of those with one or two fields changed. The new values come from
the plugin's JSON Schema (each wrong type, both sides of each bound, each enum value in the wrong case) and from the subject's
own lists (addresses, names, MAC addresses).
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin
from netattach_core.cni.versions import SUPPORTED
from netattach_core.plugins import ipam_plugin, main_plugin
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation.validator import validate
from support import differential_worker, require

Place = tuple[str | int, ...]
Config = dict[str, Any]
Change = tuple[Place, Any]

GONE = object()
"""A value that means: remove the key."""

_HUGE = 2**31
_WRONG: dict[str, tuple[Any, ...]] = {
    "string": (5, True, {}, ["a"]),
    "integer": ("100", 1.5, True, [1], {}),
    "boolean": ("true", 1, 0, []),
    "object": ("a", 5, True, ["a"]),
    "array": ("a", 5, {}, True),
}
_NUMBERS = (-(2**63) - 1, -(2**63), -1, 0, 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64, 1e3, 2.0)
_STRINGS = ("", "zzz", " a b", "a" * 20)

VERSIONS = (*SUPPORTED, "", "1.0", "v1.0.0", "1.2.0", 1.0, None)
COMMON: dict[str, tuple[Any, ...]] = {
    "cniVersion": VERSIONS,
    "name": ("a", "", "a b", "-a", "a" * 200, 5, None),
    "dns": (
        {},
        {"nameservers": ["10.0.0.1"]},
        {"nameservers": "10.0.0.1"},
        {"domain": 5},
        {"search": None},
        [],
    ),
    "capabilities": ({}, {"ips": True}, {"ips": "true"}, {"mac": False}, [], "ips"),
    "args": ({}, {"cni": {}}, {"cni": {"mac": "02:00:00:00:00:07"}}),
    "ipam": (GONE, None, {}, {"type": ""}, {"type": "zzz"}, {"type": 5}, "static", []),
    "IPAM": ({}, {"type": "zzz"}, {"type": None}, 5, None),
    "colour": ("red",),
}
"""Keys that every config may have, with values for them."""


@dataclass(frozen=True)
class Subject:
    """A plugin with valid configs (`bases`); `values` are more values by key, in addition to those from the schema.

    `refused` are invalid configs that are worth changing, too. `common` are keys of COMMON to change; `only` and `without` limit
    the changes to some keys of the schema.
    """

    kind: str
    bases: tuple[Config, ...]
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    ipam: bool = False
    refused: tuple[Config, ...] = ()
    name: str = ""
    common: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.name or self.kind

    def place(self, base: Config) -> Place:
        if "plugins" not in base:
            return ("ipam",) if self.ipam else ()
        index = next(
            i for i, plugin in enumerate(base["plugins"]) if self.ipam or plugin["type"] == self.kind
        )
        return ("plugins", index, "ipam") if self.ipam else ("plugins", index)

    @property
    def schema(self) -> Mapping[str, Any]:
        plugin = ipam_plugin(self.kind) if self.ipam else main_plugin(self.kind)
        assert plugin is not None
        keys = {
            key: inner
            for key, inner in plugin.schema["properties"].items()
            if key not in self.without and (not self.only or key in self.only)
        }
        return {**plugin.schema, "properties": keys}

    def changes(self, base: Config) -> list[Change]:
        """All single changes of a base."""
        place = self.place(base)
        own = [((*place, *where), value) for where, value in _changes(self.schema, self.values)]
        top = ("cniVersion", "name")
        common = [
            (((key,) if key in top else (*place, key)), value) for key in self.common for value in COMMON[key]
        ]
        return [*own, *common]

    def configs(self) -> st.SearchStrategy[Config]:
        """Valid configs with one or two changes."""
        return st.sampled_from((*self.bases, *self.refused)).flatmap(
            lambda base: st.lists(st.sampled_from(self.changes(base)), min_size=1, max_size=2).map(
                lambda changes: changed(base, changes)
            )
        )


def changed(base: Config, changes: Sequence[Change]) -> Config:
    """The config with new values; missing objects and lists on the way are created."""
    config = copy.deepcopy(base)
    for place, value in changes:
        _put(config, place, value)
    return config


def _put(config: Any, place: Place, value: Any) -> None:
    """Ignores a place that an earlier change removed."""
    *way, last = place
    for part, following in zip(way, place[1:], strict=True):
        missing: Any = [] if isinstance(following, int) else {}
        if isinstance(config, list) and isinstance(part, int):
            config += [missing] if not config else []
        elif isinstance(config, dict) and isinstance(part, str):
            config.setdefault(part, missing)
        else:
            return
        config = config[part]
    if isinstance(config, list) and isinstance(last, int):
        config[last : last + 1] = [] if value is GONE else [value]
    elif isinstance(config, dict) and isinstance(last, str):
        config.pop(last, None)
        if value is not GONE:
            config[last] = value


def _changes(schema: Mapping[str, Any], values: Mapping[str, tuple[Any, ...]]) -> Iterator[Change]:
    for key, inner in schema.get("properties", {}).items():
        yield (key,), GONE
        yield (key,), None
        yield from (((key, *where), value) for where, value in _of_field(key, inner, values))
        yield from (((key.upper(),), value) for value in values.get(key, ())[:1])


def _of_field(key: str, schema: Mapping[str, Any], values: Mapping[str, tuple[Any, ...]]) -> Iterator[Change]:
    kinds = schema.get("type", ())
    kind = kinds if isinstance(kinds, str) else next(iter(kinds), "")
    yield from (((), value) for value in _schema_values(kind, schema))
    yield from (((), value) for value in values.get(key, ()))
    if kind == "array":
        yield (), []
        yield (), [None]
        yield from (((0, *where), value) for where, value in _of_field("", schema["items"], values))
    elif kind == "object":
        yield (), {}
        yield from _changes(schema, values)


def _schema_values(kind: str, schema: Mapping[str, Any]) -> Iterator[Any]:
    yield from _WRONG.get(kind, ())
    if "enum" in schema:
        yield from schema["enum"]
        yield from (value.upper() for value in schema["enum"])
        yield "zzz"
    elif kind == "string":
        yield from _STRINGS
    elif kind == "boolean":
        yield from (True, False)
    elif kind == "integer":
        bounds = [schema[key] for key in ("minimum", "maximum") if key in schema]
        small = [bound for bound in bounds if abs(bound) < _HUGE]
        yield from {*_NUMBERS, *small, *(bound - 1 for bound in small), *(bound + 1 for bound in small)}


@dataclass(frozen=True)
class Outcomes:
    """The outcomes for a config: the plugin's error, None if it accepts it, and the validator's findings."""

    config: Any
    refusal: str | None
    findings: list[Finding]

    @property
    def denied_by(self) -> set[str]:
        return {finding.rule.id for finding in self.findings if finding.effective_severity is Severity.DENY}

    def __str__(self) -> str:
        denials = "; ".join(
            f"{f.rule.id}: {f.problem}" for f in self.findings if f.effective_severity is Severity.DENY
        )
        return f"{json.dumps(self.config)}\n  plugin: {self.refusal or 'accepted'}\n  validator: {denials or 'accepted'}"


class Lab:
    """A test node that runs the plugins; `folder` is its scratch directory, for leases."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, inventory: NodeInventory) -> None:
        self._process = process
        self._inventory = inventory
        self.folder = folder
        self.count = 0

    def outcomes(self, config: Any) -> Outcomes:
        text = config if isinstance(config, str) else json.dumps(config)
        self.count += 1
        return Outcomes(config, self._refusal(text), self._validated(text))

    def _refusal(self, text: str) -> str | None:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(text.replace("SCRATCH", str(self.folder))) + "\n")
        stdin.flush()
        line = stdout.readline()
        assert line, f"the worker ended: {text}"
        refusal: str | None = json.loads(line)
        return refusal

    def _validated(self, text: str) -> list[Finding]:
        body = {"metadata": {"namespace": "lab", "name": "lab"}, "spec": {"config": text}}
        return validate(body, [self._inventory])


@contextlib.contextmanager
def lab() -> Iterator[Lab]:
    """A test node in new namespaces, which end with it."""
    require.own_namespaces()
    plugins = require.plugins()
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "scratch"
        folder.mkdir()
        command = ["unshare", "--net", "--mount", *user, sys.executable, differential_worker.__file__]
        with subprocess.Popen(
            [*command, str(plugins), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            yield Lab(process, folder, _inventory(plugins))
            assert process.stdin is not None
            process.stdin.close()


def _inventory(plugins: Path) -> NodeInventory:
    """The inventory of the worker's node (`differential_worker`)."""
    names = ["lo", *differential_worker.NICS, *differential_worker.NICS.values()]
    return NodeInventory(
        node="lab",
        interfaces=tuple(Interface(name, mtu=65536 if name == "lo" else 1500) for name in names),
        default_interfaces=(DefaultInterface("eth0", ("carries the IPv4 default route",)),),
        plugins=tuple(Plugin(path.name, SUPPORTED) for path in sorted(plugins.iterdir())),
    )


@dataclass(frozen=True)
class Gap:
    """A known gap: the plugin refuses what the validator accepts.

    `config` is an example, `refusal` a pattern for the plugin's error, `source` the file and function that returns it, `why` the
    reason not to deny it.
    """

    subject: str
    config: Config
    refusal: str
    source: str
    why: str

    def covers(self, outcomes: Outcomes) -> bool:
        return bool(outcomes.refusal) and re.search(self.refusal, outcomes.refusal or "") is not None
