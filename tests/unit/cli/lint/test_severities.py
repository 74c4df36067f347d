"""`--severity`, `.netattach.yaml` and the cluster's settings: which of them decides."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_cli.files import UnreadableError
from netattach_cli.lint import project_file, severities
from netattach_cli.lint.severities import SeverityError
from netattach_kube import cluster_settings
from unit.cli.samples import INVALID_CONFIG, Kubectl, Netattach, nad

WARNED = '{"cniVersion": "1.0.0", "type": "bridge", "bridge": "br1", "colour": "red", "ipam": {}}'


def severities_of(out: str) -> dict[str, str]:
    return {each["rule"]: each["severity"] for each in json.loads(out)["findings"]}


def lint(netattach: Netattach, *options: str) -> dict[str, str]:
    return severities_of(netattach("lint", "-o", "json", "net.yaml", *options)[1])


@pytest.fixture
def net(netattach: Netattach) -> Path:
    """A network with a denial and one with a warning."""
    file = Path("net.yaml")
    file.write_text(f"{nad('a', INVALID_CONFIG)}---\n{nad('b', WARNED)}")
    return file


def test_an_option_changes_the_severity_of_a_rule(netattach: Netattach, net: Path) -> None:
    assert {"schema": "deny", "key-unknown": "warn"} == lint(netattach)
    assert {"schema": "warn", "key-unknown": "deny"} == lint(
        netattach, "--severity", "schema=warn", "--severity", "key-unknown=deny"
    )
    assert {"schema": "deny"} == lint(netattach, "--severity", "key-unknown=off")


def test_of_two_options_for_one_rule_the_last_one_counts(netattach: Netattach, net: Path) -> None:
    assert {"schema": "warn", "key-unknown": "warn"} == lint(
        netattach, "--severity=schema=off", "--severity=schema=warn"
    )


def test_an_option_is_before_the_settings_and_their_exemptions(netattach: Netattach, net: Path) -> None:
    text = "validation: {mode: warn, severities: {schema: off}, exemptions: [{namespaces: ['*'], severity: off}]}"
    Path("settings.yaml").write_text(text)

    assert {} == lint(netattach, "--settings", "settings.yaml")
    assert {"schema": "deny"} == lint(netattach, "--settings", "settings.yaml", "--severity", "schema=deny")


def test_the_rules_of_files_have_severities_too(netattach: Netattach) -> None:
    Path("net.yaml").write_text(f"{nad('a')}---\n{nad('a')}")

    assert {"nad-twice": "warn"} == lint(netattach)
    assert {"nad-twice": "deny"} == lint(netattach, "--severity", "nad-twice=deny")
    assert {} == lint(netattach, "--severity", "nad-twice=off")


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("schema", "write RULE=deny, RULE=warn or RULE=off"),
        ("schemas=off", "there is no rule `schemas`; did you mean `schema`?"),
        ("nonsense-rule=off", "there is no rule `nonsense-rule`; `netattach rules` lists all"),
        ("schema=audit", "severity 'audit' of schema is not one of deny, warn, off"),
        ("policy-too-many-plugins=off", "the policy of the namespace decides on policy-too-many-plugins"),
    ],
)
def test_a_severity_that_cannot_be_set_is_an_error(
    netattach: Netattach, net: Path, option: str, problem: str
) -> None:
    status, out, err = netattach("lint", "net.yaml", "--severity", option)

    assert (2, "") == (status, out)
    assert problem in err


def test_the_projects_file_is_found_above_the_working_directory(
    netattach: Netattach, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".netattach.yaml").write_text("severities: {schema: off}\nwarningsAsErrors: true\n")
    Path(".git").mkdir()
    Path("deep/er").mkdir(parents=True)
    monkeypatch.chdir("deep/er")
    status, out, _ = netattach("lint", "-o", "json", "../../net.yaml")

    assert 1 == status
    assert {"key-unknown": "warn"} == severities_of(out)


def test_without_a_repository_no_file_above_the_working_directory_decides(
    netattach: Netattach, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be another user's, in /tmp."""
    Path(".netattach.yaml").write_text("exclude: ['*']\n")
    Path("mine").mkdir()
    monkeypatch.chdir("mine")

    assert 1 == netattach("lint", "..")[0]


def test_the_summary_says_that_a_projects_file_decides(netattach: Netattach, net: Path) -> None:
    Path(".netattach.yaml").write_text("exclude: ['*']\n")
    Path("other.yaml").write_text("a: 1\n")

    assert (
        0,
        "0 NADs: nothing to validate (options of .netattach.yaml; 3 files excluded)\n",
        "",
    ) == netattach("lint", ".")
    assert "(options of .netattach.yaml; 2 files excluded)\n" in netattach("lint", ".", "net.yaml")[1]
    assert "(options of .netattach.yaml)\n" in netattach("lint", "net.yaml")[1]
    assert "options of" not in netattach("lint", ".", "--no-config")[1]


def test_the_output_for_programs_says_that_a_projects_file_decides(netattach: Netattach, net: Path) -> None:
    Path(".netattach.yaml").write_text("exclude: ['*']\n")
    said = {"project": ".netattach.yaml", "excluded": 2}

    assert said.items() <= json.loads(netattach("lint", "-o", "json", ".")[1])["summary"].items()
    assert said == json.loads(netattach("lint", "-o", "sarif", ".")[1])["runs"][0]["properties"]
    notice, _ = netattach("lint", "-o", "github", ".")[1].splitlines()
    assert (
        "::notice file=.netattach.yaml,title=netattach lint::options of .netattach.yaml; 2 files excluded"
        == notice
    )
    junit = netattach("lint", "-o", "junit", ".")
    assert "<testsuites" in junit[1]
    assert "netattach: options of .netattach.yaml; 2 files excluded\n" == junit[2]


def test_a_repository_has_its_own_projects_file(
    netattach: Netattach, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".netattach.yaml").write_text("severities: {schema: off}\n")
    Path("repository/.git").mkdir(parents=True)
    monkeypatch.chdir("repository")

    assert "schema" in severities_of(netattach("lint", "-o", "json", "../net.yaml")[1])


def test_the_command_line_is_before_the_projects_file(netattach: Netattach, net: Path) -> None:
    Path(".netattach.yaml").write_text("severities: {schema: off, key-unknown: off}\nnamespace: lab\n")
    Path("other.yaml").write_text("severities: {schema: warn}\n")

    assert {} == lint(netattach)
    assert {"schema": "deny"} == lint(netattach, "--severity", "schema=deny")
    assert {"schema": "deny", "key-unknown": "warn"} == lint(netattach, "--no-config")
    assert {"schema": "warn", "key-unknown": "warn"} == lint(netattach, "--config", "other.yaml")


def test_paths_of_the_projects_file_begin_where_it_is(
    netattach: Netattach, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".git").mkdir()
    Path("ci").mkdir()
    Path("ci/settings.yaml").write_text("validation: {severities: {schema: off}}")
    Path(".netattach.yaml").write_text("settings: ci/settings.yaml\nexclude: ['nets/old*']\n")
    Path("nets").mkdir()
    Path("nets/a.yaml").write_text(nad("c", INVALID_CONFIG))
    Path("nets/old.yaml").write_text(nad("d", INVALID_CONFIG))
    monkeypatch.chdir("nets")
    body = json.loads(netattach("lint", "-o", "json", ".")[1])

    assert [] == body["findings"]
    assert 1 == body["summary"]["nads"]
    assert 1 == json.loads(netattach("lint", "-o", "json", "old.yaml")[1])["summary"]["nads"]
    assert (
        0 == json.loads(netattach("lint", "-o", "json", "--related-only", "old.yaml")[1])["summary"]["nads"]
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("severties: {schema: off}", "unknown option `severties`; did you mean `severities`?"),
        ("- a", "has to be a map"),
        ("exclude: nets", "`exclude` is not a list of strings"),
        ("exclude: [1]", "`exclude` is not a list of strings"),
        ("warningsAsErrors: 1", "`warningsAsErrors` is not true or false"),
        ("settings: cluster", "has to be the path of a file here"),
        ("inventory: '-'", "has to be the path of a file here"),
        ("severities: {schema: [off]}", "is not one of deny, warn, off"),
        ("severities: {1: off}", "there is no rule `1`"),
        ("a: 1\n---\nb: 2", "several documents"),
        ("a: [", "not YAML"),
        ("a: " + "x" * 70_000, "the maximum is 65536"),
    ],
)
def test_a_projects_file_that_is_not_valid_is_an_error(
    netattach: Netattach, net: Path, text: str, problem: str
) -> None:
    Path(".netattach.yaml").write_text(text)
    status, out, err = netattach("lint", "net.yaml")

    assert (2, "") == (status, out)
    assert err.startswith("netattach: .netattach.yaml:")
    assert problem in err


def test_an_empty_projects_file_changes_nothing(netattach: Netattach, net: Path) -> None:
    Path(".netattach.yaml").write_text("# nothing yet\n")

    assert {"schema": "deny", "key-unknown": "warn"} == lint(netattach)


KEYS = st.sampled_from([*project_file._KEYS, "severity", "on", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["schema", "off"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.one_of(st.text(), st.dictionaries(KEYS, VALUES).map(json.dumps)))
def test_any_projects_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        options = project_file.read(str(file))
    except UnreadableError:
        return

    assert isinstance(options.severities, dict)
    assert all(isinstance(each, str) for each in options.exclude)


@given(st.text())
def test_any_severity_is_read_or_refused(text: str) -> None:
    try:
        found = severities.from_options([text])
    except SeverityError:
        return

    assert 1 == len(found)


def test_the_settings_of_the_cluster_are_read_with_kubectl(
    netattach: Netattach, net: Path, kubectl: Kubectl
) -> None:
    metadata = {"name": cluster_settings.NAME, "namespace": cluster_settings.NAMESPACE}
    text = "validation: {severities: {schema: off}}"
    body = {"kind": "ConfigMap", "metadata": metadata, "data": {cluster_settings.KEY: text}}
    called = kubectl(stdout=json.dumps(body))

    assert {"key-unknown": "warn"} == lint(netattach, "--settings", "cluster", "--context", "lab")
    assert "--context=lab" in called.read_text()


def test_a_cluster_without_settings_has_those_of_a_new_one(
    netattach: Netattach, net: Path, kubectl: Kubectl
) -> None:
    kubectl(stderr='Error from server (NotFound): configmaps "netattach-config" not found', status=1)
    status, out, err = netattach("lint", "-o", "json", "net.yaml", "--settings", "cluster")

    assert 1 == status
    assert {"schema": "deny", "key-unknown": "warn"} == severities_of(out)
    assert "note: the cluster has no ConfigMap netattach-node/netattach-config" in err


def test_a_cluster_that_does_not_answer_is_an_error(
    netattach: Netattach, net: Path, kubectl: Kubectl
) -> None:
    kubectl(stderr="error: You must be logged in to the server (Unauthorized)", status=1)
    status, out, err = netattach("lint", "net.yaml", "--settings", "cluster")

    assert (2, "") == (status, out)
    assert "You must be logged in to the server" in err


def lint_with(netattach: Netattach, text: str) -> tuple[int, str, str]:
    Path("repository/ci").mkdir(parents=True, exist_ok=True)
    Path("repository/ci/.netattach.yaml").write_text(text)
    return netattach("lint", "net.yaml", "--config", "repository/ci/.netattach.yaml")


@pytest.mark.parametrize("key", ["settings", "inventory"])
@pytest.mark.parametrize(
    "name",
    ["../../token", "link", "linked/token", "/dev/null", "pipe", "..", "{absolute}", "../ci/../../token"],
)
def test_a_projects_file_reads_no_file_outside_of_its_repository(
    netattach: Netattach, net: Path, key: str, name: str
) -> None:
    """A pull request may write it, and what it reads may be printed: `not YAML: …`."""
    Path("repository/.git").mkdir(parents=True)
    Path("repository/ci").mkdir()
    Path("token").write_text("secret")
    Path("repository/ci/link").symlink_to(Path("token").resolve())
    Path("repository/ci/linked").symlink_to(Path.cwd())
    os.mkfifo("repository/ci/pipe")
    status, out, err = lint_with(netattach, f"{key}: {name.format(absolute=Path('token').resolve())}\n")

    assert (2, "") == (status, out)
    assert f"`{key}` has to be the path of a file in the repository" in err
    assert "secret" not in err


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        ({}, True),
        ({".netattach.yaml": 0, ".git": 0}, True),
        ({".netattach.yaml": 4242, ".git": 4242, "build": 4242}, True),
        ({".netattach.yaml": 4242, ".git": 4242}, False),
        ({".netattach.yaml": 4242}, False),
        ({".git": 4242}, False),
    ],
)
def test_a_stranger_makes_no_repository_of_a_directory_above(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    owners: dict[str, int],
    expected: bool,  # noqa: FBT001
) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / ".git").touch()
    file = tmp_path / ".netattach.yaml"
    file.write_text("exclude: ['*']")
    monkeypatch.setattr(project_file, "_owner", lambda path: owners.get(path.name, os.getuid()))

    assert (file if expected else None) == project_file.find(tmp_path / "build")
    assert file == project_file.find(tmp_path)


@pytest.mark.parametrize(("directory", "expected"), [("repository/.git", 0), ("repository", 2)])
def test_without_a_repository_a_projects_file_reads_below_its_directory(
    netattach: Netattach, net: Path, directory: str, expected: int
) -> None:
    Path(directory).mkdir(parents=True)
    Path("repository/settings.yaml").write_text("validation: {severities: {schema: off}}")
    status, _, err = lint_with(netattach, "settings: ../settings.yaml\n")

    assert expected == status, err


@pytest.mark.parametrize(
    "text",
    [
        'settings: "::set-output name=x::y"',
        '"::set-output name=x::y": 1',
        'settings: "##[set-output name=x;]y"',
        '"##vso[task.setvariable variable=x]y": 1',
        'settings: "\\n::set-output name=x::y"',
        'namespace: "\\0"\nsettings: "a\\0b"',
        f"settings: {'x' * 5000}",
    ],
)
def test_a_projects_file_gives_no_command_to_a_workflow(netattach: Netattach, net: Path, text: str) -> None:
    status, out, err = lint_with(netattach, text + "\n")

    assert (2, "") == (status, out)
    assert err.startswith("netattach: ")
    assert 1 == err.count("\n")
    assert "##[" not in err
    assert "##vso[" not in err


@pytest.mark.parametrize(
    ("name", "problem"), [("none", "no such file"), ("loop", "loop"), ("a/b", "not a directory")]
)
def test_a_file_of_the_project_that_cannot_be_reached_is_an_error(
    netattach: Netattach, net: Path, name: str, problem: str
) -> None:
    Path("repository/ci").mkdir(parents=True)
    Path("repository/ci/loop").symlink_to("loop")
    Path("repository/ci/a").touch()
    status, out, err = lint_with(netattach, f"settings: {name}\n")

    assert (2, "") == (status, out)
    assert problem in err


def test_a_projects_file_is_no_link_to_a_file_elsewhere(
    netattach: Netattach, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names of its unknown options would be printed."""
    Path("token").write_text("secret: 1\n")
    Path("repository/.git").mkdir(parents=True)
    Path("repository/.netattach.yaml").symlink_to("../token")
    monkeypatch.chdir("repository")
    status, out, err = netattach("lint", "../net.yaml")

    assert (2, "") == (status, out)
    assert "netattach: .netattach.yaml: error the file is a link that leads out of the repository\n" == err
