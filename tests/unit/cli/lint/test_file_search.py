"""The files that `netattach lint` reads: files, folders, patterns, output of Helm and kustomize."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netattach_cli.files import File
from netattach_cli.lint.file_search import is_related
from netattach_core.api.nad import KIND
from unit.cli.samples import INVALID_CONFIG, VALID_CONFIG, Netattach, nad

HOST_LOCAL = '"ipam": {"type": "host-local", "subnet": "10.1.2.0/24"}'


def write(files: dict[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def test_a_folder_means_all_yaml_and_json_files_below_it(netattach: Netattach) -> None:
    write(
        {
            "nets/a.yaml": nad("a"),
            "nets/deep/b.yml": nad("b", INVALID_CONFIG),
            "nets/deep/c.json": '{"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition", '
            '"metadata": {"name": "c"}}',
            "nets/d.txt": nad("d", INVALID_CONFIG),
            "nets/.git/e.yaml": nad("e", INVALID_CONFIG),
        }
    )
    status, out, _ = netattach("lint", "nets")

    assert 1 == status
    assert ["nets/deep/b.yml:11:15:"] == [line.split()[0] for line in out.splitlines() if "deny" in line]
    assert out.endswith("3 NADs: 1 refused\n")


def test_unrelated_files_of_a_folder_are_skipped(netattach: Netattach) -> None:
    """A repository has templates and other dialects; a file that is named explicitly is validated."""
    write({"nets/a.yaml": nad("a"), "nets/values.yaml": "{{ toYaml . }}: ["})

    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", "nets")
    status, out, _ = netattach("lint", "nets/values.yaml")
    assert 2 == status
    assert "nets/values.yaml:2:1: error not YAML: " in out
    assert "helm template" in out


def test_helm_templates_in_a_folder_are_skipped(netattach: Netattach) -> None:
    """They define NADs, but are not YAML before Helm has rendered them."""
    template = "{{ if .Values.on }}\n" + nad("t", INVALID_CONFIG)
    write({"chart/Chart.yaml": "name: c\n", "chart/templates/t.yaml": template, "chart/crs/a.yaml": nad("a")})

    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", ".")


def test_a_folder_without_files_to_read_exits_with_2(netattach: Netattach) -> None:
    """A check of no files must not pass."""
    write({"docs/a.txt": "a"})
    status, out, _ = netattach("lint", "docs")

    assert 2 == status
    assert "docs: error no file in it ends with .yaml, .yml or .json\n" in out


def test_a_quoted_pattern_is_expanded(netattach: Netattach) -> None:
    """Shells without ** do not expand it."""
    write({"x/a.yaml": nad("a"), "x/y/b.yaml": nad("b"), "x/y/c.yml": nad("c")})

    assert (0, "2 NADs: nothing wrong\n", "") == netattach("lint", "x/**/*.yaml")
    status, out, _ = netattach("lint", "z/*.yaml")
    assert 2 == status
    assert "z/*.yaml: error no file matches this pattern\n" in out


def test_an_existing_file_is_not_a_pattern(netattach: Netattach) -> None:
    write({"a[1].yaml": nad("a")})

    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", "a[1].yaml")


def test_a_file_that_is_named_twice_is_validated_once(netattach: Netattach) -> None:
    write({"x/a.yaml": nad("a", INVALID_CONFIG)})

    assert netattach("lint", "x/a.yaml", "x", "x/*.yaml")[1].endswith("1 NAD: 1 refused\n")


def test_findings_in_the_output_of_helm_name_the_template(
    netattach: Netattach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty documents and comments between them change nothing."""
    printed = (
        f"---\n# Source: nets/templates/a.yaml\n---\n# Source: nets/templates/b.yaml\n# b\n\n{nad('b', INVALID_CONFIG)}"
        f"---\n# Source: nets/templates/c.yaml\n"
    )
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(printed.encode())))
    status, out, _ = netattach("lint", "-")

    assert 1 == status
    assert out.startswith("<stdin>:17:15: deny [schema] lab/b vlan (from nets/templates/b.yaml)\n")


def test_the_output_of_kustomize_is_validated(netattach: Netattach) -> None:
    """With sorted keys, other kinds, unknown tags, and dates."""
    other = "apiVersion: v1\ndata:\n  day: 2026-02-31\n  x: !vault abc\n  y: =\nkind: ConfigMap\nmetadata:\n  name: c\n"
    write({"out.yaml": f"{other}---\n{nad('a')}---\n\n---\nnull\n"})

    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", "out.yaml")


def test_two_nads_of_one_name_are_a_warning_at_the_second(netattach: Netattach) -> None:
    """The same name in another namespace is another NAD."""
    write({"a.yaml": nad("a"), "b.yaml": f"{nad('a', namespace='x')}---\n{nad('a')}"})
    status, out, _ = netattach("lint", "a.yaml", "b.yaml")

    assert 0 == status
    assert out.startswith(
        "b.yaml:13:9: warn [nad-twice] lab/a metadata.name\n  lab/a is also defined in a.yaml, line 4;"
    )
    assert out.endswith("3 NADs: 1 with warnings\n")


def leased(kind: str, network: str) -> str:
    return f'{{"cniVersion": "1.0.0", "type": "{kind}", "master": "eth1", "name": "{network}", {HOST_LOCAL}}}'


def test_networks_of_one_file_are_compared(netattach: Netattach) -> None:
    """They are applied together; those of another file may be meant for another cluster."""
    one, other = nad("a", leased("macvlan", "x")), nad("b", leased("macvlan", "y"))
    write({"both.yaml": f"{one}---\n{other}", "x/one.yaml": one, "x/other.yaml": other})

    together = netattach("lint", "both.yaml")[1]
    assert 1 == together.count("[addresses-shared] lab/b")
    assert "lab/a on the same link eth1" in together
    assert "[addresses-shared] lab/a" not in together
    assert "addresses-shared" not in netattach("lint", "x")[1]


@pytest.mark.parametrize("option", ["--warnings-as-errors", "--strict"])
def test_warnings_can_be_made_errors(netattach: Netattach, option: str) -> None:
    write({"a.yaml": nad("a", VALID_CONFIG.replace('bridge"', 'bridge", "colour": 1', 1))})

    assert 0 == netattach("lint", "a.yaml")[0]
    assert 1 == netattach("lint", option, "a.yaml")[0]


def test_links_to_devices_and_pipes_in_a_folder_are_skipped(netattach: Netattach) -> None:
    """A repository may contain a link to a file without an end; a link to nothing is an error of that file."""
    write({"nets/a.yaml": nad("a")})
    Path("nets/zero.yaml").symlink_to("/dev/zero")
    os.mkfifo("nets/pipe.yaml")

    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", "nets")
    Path("nets/lost.yaml").symlink_to("nowhere")
    status, out, _ = netattach("lint", "nets")
    assert 2 == status
    assert "nets/lost.yaml: error no such file or directory" in out


def escaped(word: str, data: st.DataObject) -> str:
    """The word in double quotes as YAML may write it, with an escape at least."""
    forms = [[char, f"\\x{ord(char):02x}", f"\\u{ord(char):04X}", f"\\U{ord(char):08x}"] for char in word]
    written = [data.draw(st.sampled_from(each)) for each in forms]
    written[0] = data.draw(st.sampled_from(forms[0][1:]))
    return '"' + "".join(written) + '"'


@given(st.data())
def test_escapes_hide_no_object_in_a_folder(data: st.DataObject) -> None:
    kind = escaped(KIND, data)
    key = data.draw(st.sampled_from(["kind", '"kind"']) | st.builds(escaped, st.just("kind"), st.just(data)))
    text = f"{key}: {kind}\n"

    assert {"kind": KIND} == yaml.safe_load(text)
    assert is_related(File("a.yaml", named=False), text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", nad("a", INVALID_CONFIG).replace(KIND, '"Network\\u0041ttachmentDefinition"')),
        ("a.yaml", nad("a", INVALID_CONFIG).replace(KIND, '"Network\\\n  AttachmentDefinition"')),
        (
            "a.json",
            '{"kind": "Pod", "metadata": {"name": "a", "annotations": {"k8s.v1.cni.cncf.io\\/networks": "A"}}}',
        ),
    ],
    ids=["digits", "a line break", "a slash"],
)
def test_an_object_with_escapes_is_validated_in_a_folder(netattach: Netattach, name: str, text: str) -> None:
    write({f"nets/{name}": text})

    assert 1 == netattach("lint", "nets")[0]


def test_a_file_with_escapes_and_without_objects_is_skipped(netattach: Netattach) -> None:
    write({"nets/a.yaml": nad("a"), "nets/b.yaml": '{{ "\\u0041" }}: ['})

    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", "nets")
