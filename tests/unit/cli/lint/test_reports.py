"""The output of `netattach lint` for programs: JSON, SARIF for code hosts, JUnit for CI, commands of GitHub's workflows."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from netattach_cli.lint.manifests import LocatedFinding
from netattach_cli.lint.rules import ALL_RULES
from netattach_cli.terminal import printable
from support import require
from unit.cli.samples import INVALID_CONFIG, VALID_CONFIG, Netattach, nad, text_at_caret

SCHEMA = require.REPOSITORY / "tests/contract/sarif-2.1.0/sarif-schema-2.1.0.json"
SARIF = Draft4Validator(json.loads(SCHEMA.read_text()))

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
    assert {
        "nads": 2,
        "pods": 0,
        "refused": 1,
        "withWarnings": 1,
        "unreadable": 2,
        "ignored": 0,
        "project": "",
        "excluded": 0,
    } == body["summary"]


def test_an_unreadable_inventory_prints_nothing_to_standard_output(
    netattach: Netattach, files: list[str]
) -> None:
    """Programs that read the output get a document or nothing."""
    status, out, err = netattach("lint", "-o", "sarif", *files, "--inventory", "none.json")

    assert (2, "") == (status, out)
    assert "netattach: none.json: error no such file or directory\n" == err


def fingerprints(netattach: Netattach, file: str) -> list[str]:
    results = sarif_run(netattach("lint", "-o", "sarif", file)[1])["results"]
    return [result["partialFingerprints"]["netattachFinding/v1"] for result in results]


def test_fingerprints_stay_when_the_lines_and_the_file_change(netattach: Netattach) -> None:
    """So that a code host knows a finding again."""
    text = nad("a", INVALID_CONFIG)
    Path("a.yaml").write_text(text)
    Path("b.yaml").write_text(f"# a comment\n\n{text}---\n{nad('b', INVALID_CONFIG)}")
    (before,), (after, other) = fingerprints(netattach, "a.yaml"), fingerprints(netattach, "b.yaml")

    assert before == after
    assert before != other


def test_fingerprints_of_one_run_differ(netattach: Netattach) -> None:
    """Also of two findings that have all in common, as in two overlays."""
    Path("a.yaml").write_text(f"{nad('a', INVALID_CONFIG)}---\n{nad('a', INVALID_CONFIG)}")
    found = fingerprints(netattach, "a.yaml")

    assert 3 == len(found) == len(set(found))


def test_sarif_has_the_page_of_each_rule(netattach: Netattach) -> None:
    Path("a.yaml").write_text(nad("a"))
    for rule in sarif_run(netattach("lint", "-o", "sarif", "a.yaml")[1])["tool"]["driver"]["rules"]:
        assert rule["helpUri"].startswith("https://")
        assert rule["helpUri"].endswith(f"/docs/rules.md#{rule['id']}")


IGNORED = "# netattach: ignore schema the plugin of our vendor takes both\n" + nad("a", INVALID_CONFIG)


def test_an_ignored_finding_is_suppressed_in_sarif(netattach: Netattach) -> None:
    Path("a.yaml").write_text(IGNORED)
    status, out, _ = netattach("lint", "-o", "sarif", "a.yaml")
    (result,) = sarif_run(out)["results"]

    assert 0 == status
    assert "schema" == result["ruleId"]
    reason = "the plugin of our vendor takes both"
    assert [{"kind": "inSource", "justification": reason}] == result["suppressions"]


def test_an_ignored_finding_is_listed_with_its_reason_in_json(netattach: Netattach) -> None:
    Path("a.yaml").write_text(IGNORED)
    body = json.loads(netattach("lint", "-o", "json", "a.yaml")[1])

    assert [] == body["findings"]
    assert ["schema"] == [each["rule"] for each in body["ignored"]]
    assert ["the plugin of our vendor takes both"] == [each["reason"] for each in body["ignored"]]
    assert 1 == body["summary"]["ignored"]


def junit(out: str) -> ET.Element:
    assert out.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    return ET.fromstring(out)


def test_junit_has_a_test_case_for_each_object(netattach: Netattach, files: list[str]) -> None:
    """One that is refused fails, one with warnings passes, a file that cannot be read is an error."""
    status, out, err = netattach("lint", "-o", "junit", *files)
    root = junit(out)
    denied, warned, *errors = root.iter("testcase")

    assert (2, "") == (status, err)
    assert {"name": "netattach lint", "tests": "4", "failures": "1", "errors": "2"} == root.attrib
    assert ("a b.yaml", "NetworkAttachmentDefinition lab/a") == (denied.get("classname"), denied.get("name"))
    (failure,) = denied.findall("failure")
    assert "schema" == failure.get("type")
    assert "a b.yaml:11:15: deny [schema] lab/a vlan" in (failure.text or "")
    assert warned.find("failure") is None
    assert "warn [key-unknown] lab/b colour" in (warned.findtext("system-out") or "")
    assert ["c.yaml", "none.yaml"] == [
        each.get("classname") for each in errors if each.find("error") is not None
    ]
    assert ["a b.yaml", "c.yaml", "none.yaml"] == [each.get("name") for each in root.iter("testsuite")]


def test_warnings_are_failures_in_junit_where_they_fail_the_run(netattach: Netattach) -> None:
    Path("a.yaml").write_text(nad("b", WARNED))
    status, out, _ = netattach("lint", "-o", "junit", "--strict", "a.yaml")

    assert 1 == status
    assert ["key-unknown"] == [each.get("type") for each in junit(out).iter("failure")]


def test_a_valid_object_passes_in_junit(netattach: Netattach) -> None:
    Path("a.yaml").write_text(nad("a"))
    root = junit(netattach("lint", "-o", "junit", "a.yaml")[1])

    assert ("1", "0", "0") == tuple(root.get(key) for key in ("tests", "failures", "errors"))


def test_github_gets_a_command_for_each_finding(netattach: Netattach, files: list[str]) -> None:
    status, out, err = netattach("lint", "-o", "github", *files)
    lines = out.splitlines()

    assert (2, "") == (status, err)
    assert lines[0] == (
        "::error file=a b.yaml,line=11,col=15,title=schema%3A lab/a vlan::"
        '`vlan` is the string "100"; it must be an integer; bridge refuses it%0AFix: write 100, without quotes'
    )
    assert lines[1].startswith("::warning file=a b.yaml,line=")
    assert lines[2].startswith("::error file=c.yaml,line=")
    assert "::error file=none.yaml,title=cannot be read::no such file or directory" == lines[3]
    assert "2 NADs: 1 refused, 1 with warnings, 2 of the files could not be read" == lines[4]
    assert 5 == len(lines)


HOSTILE = "x\r\n::error::gotcha\x1b[31m, 100%:\u2028]]>&<!-- ##[group]"


@pytest.mark.parametrize("output", ["github", "junit", "sarif", "json", "text"])
def test_texts_of_others_cannot_leave_their_place(netattach: Netattach, output: str) -> None:
    """Names of files and objects, and values, that are written to look like output of the program."""
    name = HOSTILE.replace("/", "") + ".json"
    config = json.dumps({"cniVersion": "1.0.0", "type": "bridge", HOSTILE: 1, "vlan": HOSTILE})
    body = {"kind": "NetworkAttachmentDefinition", "metadata": {"name": HOSTILE}, "spec": {"config": config}}
    Path(name).write_text(json.dumps(body))
    status, out, _ = netattach("lint", "-o", output, name)

    assert 1 == status
    assert "\x1b" not in out
    assert "\u2028" not in out
    assert not [line for line in out.split("\n") if line.startswith("::error::gotcha")]
    assert "\r" not in out
    assert "##[" not in out
    if output == "github":
        assert all(
            line.startswith(("::error file=", "::warning file=", "1 NAD")) for line in out.splitlines()
        )
        assert all("100%25%3A" in line.split("::")[1] for line in out.splitlines()[:-1])
    if output == "junit":
        junit(out)
    if output == "sarif":
        sarif_run(out)


COMMANDS = "::error title=a::b ##[group]c ##vso[task.complete]d"
"""Of GitHub's runner and of Azure Pipelines."""


@pytest.mark.parametrize("output", ["json", "sarif", "junit", "text"])
def test_texts_of_others_are_no_commands_to_a_ci_system(netattach: Netattach, output: str) -> None:
    """It finds `::` after blanks at the beginning of a line, the others anywhere."""
    config = json.dumps({"cniVersion": "1.0.0", "type": "bridge", COMMANDS: 1, "vlan": COMMANDS})
    body = {"kind": "NetworkAttachmentDefinition", "metadata": {"name": COMMANDS}, "spec": {"config": config}}
    Path(f"{COMMANDS}.json").write_text(json.dumps(body))
    Path(" ::error.yaml").write_text(f'"{COMMANDS}": [\n')
    status, out, _ = netattach("lint", "-o", output, f"{COMMANDS}.json", " ::error.yaml")

    assert 2 == status
    assert [] == [line for line in out.splitlines() if line.lstrip().startswith("::")]
    assert "##[" not in out
    assert "##vso[" not in out
    if output in {"json", "sarif"}:
        assert COMMANDS in str(json.loads(out))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" ::add-mask::x", r" \x3a:add-mask::x"),
        ("::Notice file=a,line=1::x", r"\x3a:Notice file=a,line=1::x"),
        ("###[x", r"##\x23[x"),
        ("::1 and fe80::1", "::1 and fe80::1"),
        ("::/0", "::/0"),
        ("::cafe", "::cafe"),
        ("a ::error::b", "a ::error::b"),
        ("## [x]", "## [x]"),
    ],
)
def test_no_text_but_a_command_is_escaped(text: str, shown: str) -> None:
    assert shown == printable(text)


def test_the_caret_is_at_its_place_after_text_with_escapes(netattach: Netattach) -> None:
    Path("a.yaml").write_text(
        nad("a", INVALID_CONFIG.replace("\n", "").replace('"type"', '"##[x]": 1, "type"'))
    )
    _, out, _ = netattach("lint", "--severity", "key-unknown=off", "a.yaml")

    assert r'"#\x23[x]": 1' in out
    assert text_at_caret(out).startswith('"100"')


@pytest.mark.parametrize("text", ["", "kind: ConfigMap\n", "kind: Pod\nmetadata: {name: a}\n"])
def test_a_run_without_networks_fails_where_it_is_asked_to(netattach: Netattach, text: str) -> None:
    """A pipeline whose files have moved must not stay green."""
    Path("a.yaml").write_text(text)

    assert 0 == netattach("lint", "a.yaml")[0]
    status, _, err = netattach("lint", "--fail-empty", "a.yaml")
    assert 1 == status
    assert "nothing to validate" in err


def test_a_run_with_networks_is_not_empty(netattach: Netattach) -> None:
    Path("a.yaml").write_text(nad("a"))

    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", "--fail-empty", "a.yaml")


def test_junit_compares_no_findings_with_each_other(
    netattach: Netattach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One object may have thousands."""
    compared = 0

    def equal(_: LocatedFinding, __: object) -> bool:
        nonlocal compared
        compared += 1
        return False

    unknown = ", ".join(f'"colour{index}": 1' for index in range(20))
    Path("a.yaml").write_text(nad("a", INVALID_CONFIG.replace('"100"', f'"100", {unknown}')))
    monkeypatch.setattr(LocatedFinding, "__eq__", equal)
    (case,) = junit(netattach("lint", "-o", "junit", "a.yaml")[1]).iter("testcase")

    assert 20 == (case.findtext("system-out") or "").count("[key-unknown]")
    assert 0 == compared
