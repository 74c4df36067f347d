"""`netattach lint`: its text output, and its exit status."""

from __future__ import annotations

import io
import json
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from netattach_cli.__main__ import main
from netattach_core.api import inventory
from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin

GOOD = textwrap.dedent("""\
    apiVersion: k8s.cni.cncf.io/v1
    kind: NetworkAttachmentDefinition
    metadata: {name: good, namespace: lab}
    spec:
      config: |
        {"cniVersion": "1.0.0", "type": "bridge", "bridge": "br1", "ipam": {}}
    """)
BAD = textwrap.dedent("""\
    # a comment, and a blank line

    apiVersion: k8s.cni.cncf.io/v1
    kind: NetworkAttachmentDefinition
    metadata: {name: bad, namespace: lab}
    spec:
      config: |
        {
          "cniVersion": "1.0.0",
          "type": "bridge",
          "vlan": "100"
        }
    """)
OTHER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {config: x}\n"

Lint = Callable[..., tuple[int, str]]


@pytest.fixture
def lint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Lint:
    """Lints texts, each in its own file: exit status and output, without the folder's name."""

    def run(*texts: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
        files = [tmp_path / f"{index}.yaml" for index in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)
        status = main(["lint", *map(str, files), *options])
        captured = capsys.readouterr()
        return status, (captured.out + captured.err).replace(f"{tmp_path}/", "")

    return run


def test_a_valid_nad_has_no_findings(lint: Lint) -> None:
    assert (0, "1 NAD: nothing wrong\n") == lint(GOOD)


def test_a_denial_is_shown_with_its_line_and_a_fix(lint: Lint) -> None:
    """The line is that of the file, not of the CNI config."""
    expected = textwrap.dedent("""\
        0.yaml:11:15: deny [schema] lab/bad vlan
          `vlan` is the string "100"; it must be an integer; bridge refuses it
          11 |       "vlan": "100"
             |               ^
          fix: write 100, without quotes

        1 NAD: 1 refused
        """)

    assert (1, expected) == lint(BAD)


def test_all_documents_and_all_files_are_validated(lint: Lint) -> None:
    """Objects of other kinds and empty documents are skipped."""
    status, out = lint(f"{OTHER}---\n{GOOD}---\n---\n{BAD}", BAD)

    assert 1 == status
    assert ["0.yaml:24:15:", "1.yaml:11:15:"] == [
        line.split()[0] for line in out.splitlines() if "deny" in line
    ]
    assert out.endswith("3 NADs: 2 refused\n")


def test_warnings_alone_exit_with_0(lint: Lint) -> None:
    """They do not deny admission either."""
    status, out = lint(GOOD.replace('"bridge": "br1"', '"colour": "red"'))

    assert 0 == status
    assert "0.yaml:6:47: warn [key-unknown] lab/good colour\n" in out
    assert out.endswith("1 NAD: 1 with warnings\n")


def test_the_items_of_a_list_are_validated(lint: Lint) -> None:
    """As in the output of `kubectl get -o yaml`."""
    items = "".join(textwrap.indent(f"- {textwrap.indent(text, '  ')[2:]}", "  ") for text in (GOOD, OTHER))

    assert (0, "1 NAD: nothing wrong\n") == lint(f"apiVersion: v1\nkind: List\nitems:\n{items}")


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_is_parsed_as_json(lint: Lint, indent: int | str | None) -> None:
    """YAML does not allow the tabs. The column is that in the quoted string."""
    config = '{"cniVersion": "1.0.0", "type": "bridge",\n "vlan": "7"}'
    body = {"kind": "NetworkAttachmentDefinition", "metadata": {"name": "j"}, "spec": {"config": config}}
    text = json.dumps(body, indent=indent)
    status, out = lint(text)
    column = max(line.find(r"\"7\"") for line in text.splitlines()) + 1

    assert 1 == status
    assert f":{column}: deny [schema] j vlan\n" in out


def test_a_document_that_is_not_yaml_is_reported_with_its_line(lint: Lint) -> None:
    """The documents before it, and the other files, are validated."""
    status, out = lint(f"{BAD}---\nkind: [\n", GOOD)

    assert 2 == status
    assert "0.yaml:11:15: deny [schema]" in out
    assert "0.yaml:15:1: error not YAML: " in out
    assert out.endswith("2 NADs: 1 refused, 1 of the files could not be read\n")


def test_a_missing_file_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == main(["lint", str(tmp_path / "none.yaml")])
    assert "none.yaml: error no such file or directory" in capsys.readouterr().out


def test_a_binary_file_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "binary"
    file.write_bytes(b"\xff\xfe\x00")

    assert 2 == main(["lint", str(file)])
    assert "binary: error not a text in UTF-8" in capsys.readouterr().out


def test_a_dash_means_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For the output of kustomize and Helm."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))

    assert 1 == main(["lint", "-"])
    assert "<stdin>:11:15: deny [schema]" in capsys.readouterr().out


@pytest.mark.parametrize("several", [False, True])
def test_inventories_enable_the_rules_about_nodes(lint: Lint, tmp_path: Path, *, several: bool) -> None:
    """One inventory, or a list of them."""
    node = NodeInventory(
        "worker-1",
        (Interface("eth0"), Interface("eth1")),
        (DefaultInterface("eth0", ("carries the IPv4 default route",)),),
        (Plugin("macvlan"),),
    )
    body = inventory.to_dict(node)
    file = tmp_path / "inventory.json"
    file.write_text(json.dumps([body] if several else body))
    macvlan = GOOD.replace("bridge", "macvlan").replace('"macvlan": "br1"', '"master": "eth0"')
    status, out = lint(macvlan, options=("--inventory", str(file)))

    assert 1 == status
    assert "deny [master-default-interface] lab/good master" in out
    assert "fix: use eth1" in out


def test_an_invalid_inventory_exits_with_2(lint: Lint, tmp_path: Path) -> None:
    """Otherwise its rules would find nothing, and the files would seem valid."""
    file = tmp_path / "inventory.yaml"
    file.write_text("interfaces: []\n")
    status, out = lint(GOOD, options=("--inventory", str(file)))

    assert 2 == status
    assert "not a node inventory" in out


def test_a_config_that_is_a_map_is_shown_where_it_begins(lint: Lint) -> None:
    text = GOOD[: GOOD.index("|")] + "\n    type: bridge\n"

    assert "0.yaml:6:5: deny [config-not-text] lab/good config\n" in lint(text)[1]


def test_only_terminals_get_colours(lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without NO_COLOR."""
    plain = lint(BAD)[1]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = lint(BAD)[1]
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[" not in plain
    assert "\x1b[31;1mdeny\x1b[0m" in coloured
    assert plain == lint(BAD)[1]


def test_a_long_line_is_cut_around_the_place(lint: Lint) -> None:
    """Many CNI configs are one line of hundreds of characters."""
    out = lint(
        GOOD.replace('"ipam": {}', f'"ipam": {{}}, "_": "{"x" * 300}", "vlan": 5000, "__": "{"y" * 300}"')
    )[1]
    line, caret = (part.split("| ", 1)[1] for part in out.splitlines()[2:4])

    assert len(line) <= 102
    assert line[caret.index("^") :].startswith("5000")
