"""The output of `netattach lint` for programs: JSON, and SARIF for code hosts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from netattach_cli.lint.manifest_validator import ALL_RULES
from unit.cli.samples import INVALID_CONFIG, VALID_CONFIG, Netattach, nad


def _object(*required: str, **keys: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": keys,
        "additionalProperties": False,
    }


def _list(item: Any) -> dict[str, Any]:
    return {"type": "array", "items": item}


TEXT = {"type": "string", "minLength": 1}
NUMBER = {"type": "integer", "minimum": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = _object("text", text=TEXT)
PLACE = _object(
    "artifactLocation",
    artifactLocation=_object("uri", uri={**TEXT, "pattern": "^[^ ]+$"}),
    region=_object("startLine", startLine=NUMBER, startColumn=NUMBER),
)
LOCATION = _object(
    "physicalLocation",
    physicalLocation=PLACE,
    logicalLocations=_list(_object(fullyQualifiedName=TEXT, kind=TEXT)),
)
RULE = _object("id", id=TEXT, shortDescription=MESSAGE, defaultConfiguration=_object(level=LEVEL))
RESULT = _object(
    "message",
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=MESSAGE,
    locations=_list(LOCATION),
)
NOTIFICATION = _object("message", level=LEVEL, message=MESSAGE, locations=_list(LOCATION))
RUN = _object(
    "tool",
    "results",
    tool=_object("driver", driver=_object("name", name=TEXT, version=TEXT, rules=_list(RULE))),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    invocations=_list(
        _object(
            "executionSuccessful",
            executionSuccessful={"type": "boolean"},
            toolExecutionNotifications=_list(NOTIFICATION),
        )
    ),
    results=_list(RESULT),
)
SARIF = Draft202012Validator(
    _object("version", "runs", **{"$schema": TEXT, "version": {"const": "2.1.0"}, "runs": _list(RUN)})
)
"""The part of SARIF's schema that lint writes: names, types, required keys, and no other keys."""

WARNED = VALID_CONFIG.replace('"bridge": "br1"', '"colour": "red"')


@pytest.fixture
def files(netattach: Netattach) -> list[str]:
    Path("a b.yaml").write_text(f"{nad('a', INVALID_CONFIG)}---\n{nad('b', WARNED)}")
    Path("c.yaml").write_text("kind: [\n")
    return ["a b.yaml", "c.yaml", "none.yaml"]


def sarif_run(out: str) -> dict[str, Any]:
    body = json.loads(out)
    assert [] == [f"{error.json_path}: {error.message}" for error in SARIF.iter_errors(body)]
    (run,) = body["runs"]
    assert isinstance(run, dict)
    return run


def test_sarif_has_each_finding_with_its_rule_level_and_place(netattach: Netattach, files: list[str]) -> None:
    """A file that cannot be read is a failure of the run."""
    status, out, err = netattach("lint", "--output", "sarif", *files)
    run = sarif_run(out)
    denied, warned = run["results"]

    assert (2, "") == (status, err)
    assert ("schema", "error") == (denied["ruleId"], denied["level"])
    assert denied["message"]["text"].endswith("bridge refuses it. Fix: write 100, without quotes")
    assert ("key-unknown", "warning") == (warned["ruleId"], warned["level"])
    place = denied["locations"][0]["physicalLocation"]
    assert "a%20b.yaml" == place["artifactLocation"]["uri"]
    assert {"startLine": 11, "startColumn": 15} == place["region"]
    (invocation,) = run["invocations"]
    notifications = invocation["toolExecutionNotifications"]
    assert invocation["executionSuccessful"] is False
    assert ["c.yaml", "none.yaml"] == [
        each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in notifications
    ]


def test_sarif_lists_all_rules_once(netattach: Netattach, files: list[str]) -> None:
    """Each result refers to one of them."""
    run = sarif_run(netattach("lint", "-o", "sarif", *files)[1])
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]

    assert [rule.id for rule in ALL_RULES] == ids
    assert len(set(ids)) == len(ids)
    assert run["results"]
    assert all(ids[result["ruleIndex"]] == result["ruleId"] for result in run["results"])


def test_sarif_without_findings_is_a_run_without_results(netattach: Netattach) -> None:
    """So that a code host closes earlier findings."""
    Path("a.yaml").write_text(nad("a"))
    status, out, _ = netattach("lint", "-o", "sarif", "a.yaml")

    assert 0 == status
    assert [] == sarif_run(out)["results"]


def test_a_path_in_the_working_directory_is_relative(netattach: Netattach) -> None:
    """A code host identifies files by their path in the repository."""
    Path("nets").mkdir()
    Path("nets/a.yaml").write_text(nad("a", INVALID_CONFIG))
    (result,) = sarif_run(netattach("lint", "-o", "sarif", str(Path.cwd()))[1])["results"]

    assert "nets/a.yaml" == result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_json_has_each_finding_and_the_summary(netattach: Netattach, files: list[str]) -> None:
    status, out, err = netattach("lint", "-o", "json", *files)
    body = json.loads(out)

    assert (2, "") == (status, err)
    assert {
        "file": "a b.yaml",
        "line": 11,
        "column": 15,
        "severity": "deny",
        "rule": "schema",
        "kind": "NetworkAttachmentDefinition",
        "namespace": "lab",
        "name": "a",
        "path": "vlan",
        "problem": '`vlan` is the string "100"; it must be an integer; bridge refuses it',
        "fix": "write 100, without quotes",
    } == body["findings"][0]
    assert ["c.yaml", "none.yaml"] == [each["file"] for each in body["unreadable"]]
    assert {"nads": 2, "pods": 0, "refused": 1, "withWarnings": 1, "unreadable": 2} == body["summary"]


def test_an_unreadable_inventory_prints_nothing_to_standard_output(
    netattach: Netattach, files: list[str]
) -> None:
    """Programs that read the output get a document or nothing."""
    status, out, err = netattach("lint", "-o", "sarif", *files, "--inventory", "none.json")

    assert (2, "") == (status, out)
    assert "none.json: error no such file or directory\n" == err
