"""Writes docs/reference/: custom resources, metrics, environment variables and the command line, each from its source.

make reference      # or NETATTACH_WRITE_PAGES=1 pytest tests/unit/test_reference_pages.py
"""

# A script, not a package:
# ruff: noqa: INP001

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import inspect
import itertools
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from prometheus_client import CollectorRegistry

from netattach_cli import parsing
from netattach_cli.commands import COMMANDS
from netattach_kube.program_metrics import ProgramMetrics

ROOT = Path(__file__).resolve().parents[1]
DIRECTORY = ROOT / "docs/reference"
NOTE = "`make reference` generates this page from {}; a test verifies that it is up to date.\n"

PROGRAMS = {
    "netattach_plugin": ("Daemon", "the DaemonSet `netattach-daemon`, on each node"),
    "netattach_operator": ("Operator", "the Deployment `netattach-operator`"),
    "netattach_webhooks": ("Webhooks", "the Deployment `netattach-webhooks`"),
}
CONFIGURED = {"netattach_kube": ("All programs", "each container"), **PROGRAMS}


def pages() -> dict[Path, str]:
    """All generated pages."""
    return {
        DIRECTORY / "crds.md": _crds(),
        DIRECTORY / "metrics.md": _metrics(),
        DIRECTORY / "environment.md": _environment(),
        DIRECTORY / "cli.md": _command_line(),
    }


def _crds() -> str:
    text = "# Custom resources\n\n" + NOTE.format("the schemas in `crds/`")
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        spec = yaml.safe_load(path.read_text())["spec"]
        for version in spec["versions"]:
            names, schema = spec["names"], version["schema"]["openAPIV3Schema"]
            text += f"\n## {names['kind']}\n\n{_line(schema.get('description', ''))}\n\n"
            text += f"`{spec['group']}/{version['name']}`, {spec['scope'].lower()}; for kubectl "
            text += (
                f"{', '.join(f'`{name}`' for name in (names['plural'], *names.get('shortNames', ())))}.\n\n"
            )
            text += _table(("field", "type", "meaning"), _fields(schema, ""))
            text += "\nColumns of `kubectl get`; those in italics with `--output wide`:\n\n"
            text += _table(("column", "meaning"), map(_column, version["additionalPrinterColumns"]))
    return text


def _fields(schema: Mapping[str, Any], before: str) -> Iterator[tuple[str, ...]]:
    """A row for each field, at any depth, in the order of the schema."""
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        path = f"{before}{name}"
        meaning = _line(inner.get("description", "").partition("\n\n")[0])
        members = inner.get("items")
        kind = f"list of {_kind(members)}" if members else _kind(inner)
        path += "[]" if members else ""
        yield f"`{path}`", kind + (", required" if name in required else ""), meaning
        yield from _fields(members or inner, f"{path}.")


def _kind(schema: Mapping[str, Any]) -> str:
    values = ", ".join(map(str, schema.get("enum", ())))
    return f"{schema.get('type', 'any')}{': ' if values else ''}{values}"


def _column(column: Mapping[str, Any]) -> tuple[str, ...]:
    name = f"*{column['name']}*" if column.get("priority") else column["name"]
    return name, _line(column.get("description", f"`{column['jsonPath']}`"))


def _metrics() -> str:
    text = "# Metrics\n\nEach program serves its metrics for Prometheus at `/metrics`: at its health address, to everybody, "
    text += "or with `NETATTACH_METRICS` at that one, to who may read them. [Monitoring](../monitoring.md) has alerts and "
    text += "a dashboard.\n\n"
    text += NOTE.format("the programs' registries")
    common = dict(_rows(ProgramMetrics("program").registry))
    heads = ("metric", "type", "labels", "meaning")
    text += f"\n## All programs\n\nOf each container.\n\n{_table(heads, list(common.values()))}"
    for package, (title, where) in PROGRAMS.items():
        text += f"\n## {title}\n\nOf {where}.\n\n"
        rows = _rows(_registry(package))
        text += _table(heads, [row for name, row in rows if name not in common])
    return text


def _registry(package: str) -> CollectorRegistry:
    kind = importlib.import_module(f"{package}.metrics").Metrics
    needed = [name for name, each in inspect.signature(kind).parameters.items() if each.default is each.empty]
    registry: CollectorRegistry = kind(**dict.fromkeys(needed, lambda: 0)).registry
    return registry


def _rows(registry: CollectorRegistry) -> list[tuple[str, tuple[str, ...]]]:
    """A row for each metric, with its name, sorted; one with labels has no samples before its first value."""
    # ruff: noqa: SLF001  # the registry's own, which it offers in no other way
    labels = {each._name: each._labelnames for each in registry._collector_to_names if hasattr(each, "_name")}
    found = []
    for family in registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        shown = ", ".join(f"`{label}`" for label in labels.get(family.name, ()))
        found.append((name, (f"`{name}`", family.type, shown, _line(family.documentation))))
    return sorted(found)


def _environment() -> str:
    text = "# Environment variables\n\nThe settings of the cluster are in a ConfigMap ([settings](../settings.md)); these "
    text += "variables are for paths, addresses and limits of one program, in its manifest. An empty variable counts as "
    text += "unset. A program with a value that it cannot use does not start, and names the variable.\n\n"
    text += NOTE.format("the programs' `Settings`")
    for package, (title, where) in CONFIGURED.items():
        settings = importlib.import_module(f"{package}.settings")
        text += f"\n## {title}\n\nOf {where}.\n\n"
        text += _table(("variable", "default", "meaning"), _variables(settings))
    return text


def _variables(settings: ModuleType) -> Iterator[tuple[str, ...]]:
    meanings = field_docs(settings.Settings)
    for field in dataclasses.fields(settings.Settings):
        for variable in (f"NETATTACH_{field.name.upper()}", "KUBECONFIG"):
            if _reads(settings, variable, field.name):
                yield f"`{variable}`", _default(field.default), _line(meanings.get(field.name, ""))


def _reads(settings: ModuleType, variable: str, field: str) -> bool:
    """Whether the variable sets the field, or is refused because of its value."""
    try:
        changed = settings.from_environment({variable: "77"})
    except ValueError as error:
        return variable in str(error)
    return bool(getattr(changed, field) != getattr(settings.from_environment({}), field))


def field_docs(kind: type) -> dict[str, str]:
    """The strings after the fields of a dataclass."""
    (source,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    body = source.body if isinstance(source, ast.ClassDef) else []
    return {
        field.target.id: inspect.cleandoc(after.value.value)
        for field, after in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(after.value.value, str)
    }


def _default(value: object) -> str:
    if isinstance(value, tuple):
        return f"`{':'.join(map(str, value))}`" if value else ""
    if isinstance(value, float):
        return f"`{value:g}`"
    return "" if value in (None, "") else f"`{value}`"


def _command_line() -> str:
    text = f"# The command `netattach`\n\n{parsing.DESCRIPTION} "
    text += "A link to it named `kubectl-netattach` makes it `kubectl netattach`.\n\n"
    text += NOTE.format("the program's own help")
    parsers = (parsing.of_command(each, "netattach") for each in COMMANDS.values())
    for name, command in itertools.chain.from_iterable(_commands(each.prog, each) for each in parsers):
        text += f"\n## {name}\n\n{_sentence(command.description or '')}\n\n"
        rows = [
            _option(action)
            for action in command._actions
            if action.help != argparse.SUPPRESS and action.dest != "help"
        ]
        text += _table(("argument", "meaning"), rows)
    return text


def _commands(name: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The commands below a parser that have no commands themselves, each with its full name."""
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for word, command in group.choices.items():
            yield from _commands(f"{name} {word}", command)


def _option(action: argparse.Action) -> tuple[str, ...]:
    choices = "|".join(map(str, action.choices or ()))
    value = str(action.metavar or (f"{{{choices}}}" if choices else action.dest.upper()))
    flags = ", ".join(action.option_strings)
    takes_value = action.nargs != 0
    shown = f"{flags} {value}" if flags and takes_value else flags or value
    return f"`{shown}`", _line((action.help or "") % {"default": action.default})


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _line(text: str) -> str:
    return " ".join(text.split())


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for path, content in pages().items():
        path.write_text(content)
