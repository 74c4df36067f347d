"""Our verdict on a configuration beside that of the plugin's own binary: where configurations come from, and the comparison.

A subject is a plugin with sound configurations. A configuration of the test is one of those with one or two fields changed;
what a field is changed into comes from the plugin's JSON Schema (each wrong type, both sides of each bound, each word in the
wrong case) and from the subject's own words for it (addresses, names, MACs).
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
"""In place of a value: the key is taken out."""

_HUGE = 2**31
_WRONG: dict[str, tuple[Any, ...]] = {
    "string": (5, True, {}, ["a"]),
    "integer": ("100", 1.5, True, [1], {}),
    "boolean": ("true", 1, 0, []),
    "object": ("a", 5, True, ["a"]),
    "array": ("a", 5, {}, True),
}
_NUMBERS = (-(2**63) - 1, -(2**63), -1, 0, 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64, 1e3, 2.0)
_WORDS = ("", "zzz", " a b", "a" * 20)

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
"""Keys of every configuration; the types of the first are validated apart from the schema."""


@dataclass(frozen=True)
class Subject:
    """A plugin, sound configurations with it, and where in each it stands; `words`: values besides the schema's.

    `refused` are configurations that are not sound as they stand, and worth changing too.
    """

    kind: str
    bases: tuple[Config, ...]
    words: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
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
        """Each single change of a base."""
        place = self.place(base)
        own = [((*place, *where), value) for where, value in _changes(self.schema, self.words)]
        top = ("cniVersion", "name")
        common = [
            (((key,) if key in top else (*place, key)), value) for key in self.common for value in COMMON[key]
        ]
        return [*own, *common]

    def configs(self) -> st.SearchStrategy[Config]:
        """Sound configurations with up to two changes."""
        return st.sampled_from((*self.bases, *self.refused)).flatmap(
            lambda base: st.lists(st.sampled_from(self.changes(base)), min_size=1, max_size=2).map(
                lambda changes: changed(base, changes)
            )
        )


def changed(base: Config, changes: Sequence[Change]) -> Config:
    """The configuration with other values; what leads to a place is made where it is missing."""
    config = copy.deepcopy(base)
    for place, value in changes:
        _put(config, place, value)
    return config


def _put(config: Any, place: Place, value: Any) -> None:
    """Passes over a place that an earlier change has taken away."""
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


def _changes(schema: Mapping[str, Any], words: Mapping[str, tuple[Any, ...]]) -> Iterator[Change]:
    for key, inner in schema.get("properties", {}).items():
        yield (key,), GONE
        yield (key,), None
        yield from (((key, *where), value) for where, value in _of_field(key, inner, words))
        yield from (((key.upper(),), value) for value in words.get(key, ())[:1])


def _of_field(key: str, schema: Mapping[str, Any], words: Mapping[str, tuple[Any, ...]]) -> Iterator[Change]:
    kinds = schema.get("type", ())
    kind = kinds if isinstance(kinds, str) else next(iter(kinds), "")
    yield from (((), value) for value in _values(kind, schema))
    yield from (((), value) for value in words.get(key, ()))
    if kind == "array":
        yield (), []
        yield (), [None]
        yield from (((0, *where), value) for where, value in _of_field("", schema["items"], words))
    elif kind == "object":
        yield (), {}
        yield from _changes(schema, words)


def _values(kind: str, schema: Mapping[str, Any]) -> Iterator[Any]:
    yield from _WRONG.get(kind, ())
    if "enum" in schema:
        yield from schema["enum"]
        yield from (word.upper() for word in schema["enum"])
        yield "zzz"
    elif kind == "string":
        yield from _WORDS
    elif kind == "boolean":
        yield from (True, False)
    elif kind == "integer":
        bounds = [schema[key] for key in ("minimum", "maximum") if key in schema]
        small = [bound for bound in bounds if abs(bound) < _HUGE]
        yield from {*_NUMBERS, *small, *(bound - 1 for bound in small), *(bound + 1 for bound in small)}


@dataclass(frozen=True)
class Verdicts:
    """What both say of a configuration."""

    config: Any
    refusal: str | None
    findings: list[Finding]

    @property
    def denied_by(self) -> set[str]:
        return {finding.rule.id for finding in self.findings if finding.effective_severity is Severity.DENY}

    def __str__(self) -> str:
        ours = "; ".join(
            f"{f.rule.id}: {f.problem}" for f in self.findings if f.effective_severity is Severity.DENY
        )
        return f"{json.dumps(self.config)}\n  the plugin: {self.refusal or 'takes it'}\n  we: {ours or 'take it'}"


class Lab:
    """A node whose plugins are asked; `folder` is its own, for leases."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, inventory: NodeInventory) -> None:
        self._process = process
        self._inventory = inventory
        self.folder = folder
        self.asked = 0

    def verdicts(self, config: Any) -> Verdicts:
        text = config if isinstance(config, str) else json.dumps(config)
        self.asked += 1
        return Verdicts(config, self._refusal(text), self._validated(text))

    def _refusal(self, text: str) -> str | None:
        given, answers = self._process.stdin, self._process.stdout
        assert given is not None
        assert answers is not None
        given.write(json.dumps(text.replace("SCRATCH", str(self.folder))) + "\n")
        given.flush()
        line = answers.readline()
        assert line, f"the worker ended: {text}"
        refusal: str | None = json.loads(line)
        return refusal

    def _validated(self, text: str) -> list[Finding]:
        body = {"metadata": {"namespace": "lab", "name": "lab"}, "spec": {"config": text}}
        return validate(body, [self._inventory])


@contextlib.contextmanager
def lab() -> Iterator[Lab]:
    """A node of one's own; its namespaces end with it."""
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
    """What the worker's node has (differential_worker)."""
    names = ["lo", *differential_worker.CARDS, *differential_worker.CARDS.values()]
    return NodeInventory(
        node="lab",
        interfaces=tuple(Interface(name, mtu=65536 if name == "lo" else 1500) for name in names),
        default_interfaces=(DefaultInterface("eth0", ("carries the IPv4 default route",)),),
        plugins=tuple(Plugin(path.name, SUPPORTED) for path in sorted(plugins.iterdir())),
    )


@dataclass(frozen=True)
class Gap:
    """Something that the plugin refuses and we let pass: an example, how it is worded, where that stands, and why."""

    subject: str
    config: Config
    refusal: str
    source: str
    why: str

    def covers(self, verdicts: Verdicts) -> bool:
        return bool(verdicts.refusal) and re.search(self.refusal, verdicts.refusal or "") is not None
