"""docs/upgrading.md: each row of its tables names tests that exist, and its releases are the ones that are tested."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from netattach_core.version import VERSION
from netattach_kube import cluster_settings
from support import previous_release, require

PAGE = (require.REPOSITORY / "docs/upgrading.md").read_text()
ROWS = [line for line in PAGE.splitlines() if re.match(r"\| (?!---|what|.*tested in \|$)", line)]


def test_the_page_has_rows() -> None:
    assert len(ROWS) > 15


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0])
def test_a_row_names_tests_that_exist(row: str) -> None:
    named = re.findall(r"`(tests/[^`:]+)::(\w+)`", row)

    assert named
    for path, test in named:
        tree = ast.parse((require.REPOSITORY / path).read_text())
        assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_releases_are_those_that_are_tested() -> None:
    """This one, and the one before."""
    previous = (previous_release.source() / "pyproject.toml").read_text()

    assert f'version = "{previous_release.VERSION}"' in previous
    assert {VERSION, previous_release.VERSION} <= set(re.findall(r"\b\d+\.\d+\.\d+\b", PAGE))


def _objects(deploy: Path) -> set[tuple[str, str]]:
    """Kinds, as kubectl's arguments, and names."""
    bodies = [body for path in deploy.glob("*.yaml") for body in yaml.safe_load_all(path.read_text())]
    plurals = {"ValidatingAdmissionPolicy": "validatingadmissionpolicies", "NetworkPolicy": "networkpolicies"}
    return {
        (plurals.get(body["kind"], f"{body['kind'].lower()}s"), body["metadata"]["name"])
        for body in bodies
        if "metadata" in body
    }


def test_what_a_rollback_leaves_is_named() -> None:
    """By the commands that delete it."""
    commands = re.findall(r"delete ([a-z,]+) ([\w. \\\n-]+?)\n", PAGE.replace("\\\n", ""))
    named = {(kind, name) for kinds, names in commands for kind in kinds.split(",") for name in names.split()}
    new = _objects(require.REPOSITORY / "deploy/kustomize/base")

    assert new - _objects(previous_release.source() / "deploy") == named


def test_a_rollback_removes_each_setting_that_the_previous_release_does_not_know() -> None:
    """By the list in the page; `validation` is renamed instead."""
    known = previous_release.run(
        "from netattach_kube import cluster_settings; print(*cluster_settings.SCHEMA['properties'])"
    )
    listed = PAGE.partition("For 0.1.0 these are ")[2].partition(";")[0]

    assert {*cluster_settings.SCHEMA["properties"]} - {*known.decode().split()} - {"validation"} == {
        *re.findall(r"`(\w+)`", listed)
    }
