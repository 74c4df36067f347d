"""Names in README.md and docs/ equal those in the code: metrics, settings, environment variables, rule ids."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from netattach_cli.lint.rules import ALL_RULES
from netattach_kube import cluster_settings
from support import require
from support.metric_names import PACKAGES, SERVED, exported

ROOT = require.REPOSITORY
CONFIGURED = ("netattach_kube", "netattach_operator", "netattach_plugin", "netattach_webhooks")

PAGES = [ROOT / "README.md", ROOT / "bench/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SETTINGS = ROOT / "docs/settings.md"

VARIABLE = re.compile(r"\bNETATTACH_[A-Z][A-Z_]*[A-Z]\b")


def test_the_search_for_names_finds_some_of_each_kind() -> None:
    assert len(SERVED) >= 3
    assert len(exported()) > 10
    assert len(variables()) >= 20
    assert len(rule_ids()) > 80
    assert len(settings_keys(cluster_settings.SCHEMA)) >= 20


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_names_metrics_that_are_exported(page: Path) -> None:
    named = set(re.findall(r"(?<![\w./])netattach_[a-z0-9_]+\b(?![./])", page.read_text())) - PACKAGES

    assert [] == sorted(named - exported())


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_names_environment_variables_that_are_read(page: Path) -> None:
    assert [] == sorted(set(VARIABLE.findall(page.read_text())) - variables())


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_names_rules_that_exist(page: Path) -> None:
    text = page.read_text()
    named = {
        *re.findall(r"\b(?:deny|warn) \[([a-z0-9-]+)\]", text),
        *re.findall(r"rules\.md#([a-z0-9-]+)", text),
    }

    assert [] == sorted(named - rule_ids() - {rule.replace("-", "") for rule in rule_ids()})


def test_the_manifests_set_environment_variables_that_are_read() -> None:
    templates = list((ROOT / "deploy/helm/netattach/templates").glob("*"))
    named = {name for path in templates for name in VARIABLE.findall(path.read_text())}

    assert named
    assert [] == sorted(named - variables())


def test_the_example_of_the_settings_has_every_key_and_no_other() -> None:
    assert settings_keys(cluster_settings.SCHEMA) == set(_paths(example(), cluster_settings.SCHEMA))


def test_the_example_of_the_settings_is_valid() -> None:
    parsed = cluster_settings.parse(yaml.safe_dump(example()))

    assert not parsed.validation.warn_only


def test_the_example_of_the_settings_names_rules_that_exist() -> None:
    validation = example()["validation"]
    named = {
        *validation["severities"],
        *(rule for each in validation["exemptions"] for rule in each.get("rules", ())),
    }

    assert named
    assert [] == sorted(named - rule_ids())


def test_the_text_about_the_settings_names_keys_that_exist() -> None:
    """A word in camel case is a key of the settings, of one of our manifests, or of a CNI config."""
    named = set(re.findall(r"`([a-z]+[A-Z]\w*)`", SETTINGS.read_text()))
    paths = (*(ROOT / "deploy/kustomize/base").glob("*.yaml"), *(ROOT / "crds").glob("*.yaml"))
    manifests = "".join(path.read_text() for path in paths)
    fields = set(re.findall(r"^[ -]*(\w+):", manifests, re.MULTILINE))
    keys = {key.rpartition(".")[2] for key in settings_keys(cluster_settings.SCHEMA)}

    assert [] == sorted(
        named - keys - fields - {"cniVersion", "deviceID", "hostPort", "portMappings", "runtimeConfig"}
    )


def variables() -> set[str]:
    """Those of the programs' settings, of the shim, and of our tests and tools."""
    settings = {
        f"NETATTACH_{field.name.upper()}"
        for package in CONFIGURED
        for field in dataclasses.fields(importlib.import_module(f"{package}.settings").Settings)
    }
    sources = [
        *(ROOT / "plugin/shim").glob("*.[ch]"),
        *(path for path in (ROOT / "tools").iterdir() if path.is_file()),
        *(path for path in (ROOT / "tests").rglob("*.py") if path.name != Path(__file__).name),
        *(ROOT / "cli").rglob("*.py"),
        ROOT / "Makefile",
    ]
    return settings.union(*(VARIABLE.findall(path.read_text()) for path in sources))


def rule_ids() -> set[str]:
    return {rule.id for rule in ALL_RULES}


def settings_keys(schema: Mapping[str, Any]) -> set[str]:
    """`a.b` for a key in a map; the members of a list have the path of the list."""
    return set(_schema_paths(schema, ""))


def example() -> dict[str, Any]:
    """The settings that docs/settings.md shows."""
    manifest = SETTINGS.read_text().split("```yaml\n")[1].split("```")[0]
    body: dict[str, Any] = yaml.safe_load(yaml.safe_load(manifest)["data"]["config.yaml"])
    return body


def _schema_paths(schema: Mapping[str, Any], before: str) -> Iterator[str]:
    for key, inner in schema.get("items", schema).get("properties", {}).items():
        yield f"{before}{key}"
        yield from _schema_paths(inner, f"{before}{key}.")


def _paths(value: Any, schema: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """The keys of a text, as deep as the schema names them."""
    members = value if isinstance(value, list) else [value]
    properties = schema.get("items", schema).get("properties", {})
    for key, inner in (
        (key, inner) for each in members if isinstance(each, dict) for key, inner in each.items()
    ):
        if properties:
            yield f"{before}{key}"
            yield from _paths(inner, properties.get(key, {}), f"{before}{key}.")
