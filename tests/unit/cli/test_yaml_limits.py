"""YAML that somebody wrote to exhaust its reader ends with an error of the file, and not with the program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netattach_cli import documents, yaml_limits
from netattach_cli.files import UnreadableError
from netattach_cli.yaml_limits import MAX_DEPTH, MAX_REPEATED, LimitError
from netattach_core.api.networks_annotation import NETWORKS
from unit.cli.samples import Netattach, nad

HEAD = "apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\n"
FAR = 100_000

DEEP = {
    "lists": "metadata: " + "[" * FAR,
    "closed lists": "metadata: " + "[" * FAR + "]" * FAR,
    "lists over lines": "metadata: " + "[ # ]\n " * FAR,
    "maps": "metadata: " + "{a: " * FAR,
    "strings between": "metadata: " + "[']', " * FAR,
    "dashes": "metadata:\n" + "- " * FAR,
    "questions": "metadata:\n" + "? " * FAR,
    "blocks": "metadata:\n" + "".join(f"{' ' * depth}a:\n" for depth in range(1, 2000)),
    "after a separator": "metadata: 1\n---\na: " + "[" * FAR,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_deep_nesting_is_an_error_of_the_file(tmp_path: Path, text: str) -> None:
    """In a process of its own: libyaml would end it."""
    file = tmp_path / "deep.yaml"
    file.write_text(HEAD + text)
    command = [sys.executable, "-m", "netattach_cli", "lint", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (2, "") == (done.returncode, done.stderr)
    assert f"lists and maps are nested more than {MAX_DEPTH} levels deep" in done.stdout


def bomb(levels: int, form: str) -> str:
    """A few lines that stand for 9 to the power of `levels` values."""
    lines = ["a0: &a0 {k0: v, k1: v, k2: v}"]
    for level in range(1, levels):
        inner = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} {form.format(inner)}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("form", ["[{}]", "{{<<: [{}]}}", "{{x: [{}]}}"])
def test_aliases_that_repeat_each_other_are_an_error_of_the_file(netattach: Netattach, form: str) -> None:
    Path("a.yaml").write_text(
        f"{nad('a')}---\n{HEAD}metadata: {{name: *a29}}\n{bomb(30, form)}".replace("*a29", "1")
    )
    status, out, _ = netattach("lint", "a.yaml")

    assert 2 == status
    assert f"aliases repeat more than {MAX_REPEATED} values" in out
    assert out.endswith("1 NAD: 1 of the files could not be read\n")


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: {c: [*a]}}", "a: &a\n  <<: *a"])
def test_an_alias_inside_of_itself_is_an_error_of_the_file(text: str) -> None:
    with pytest.raises(UnreadableError, match="an alias is inside of what it stands for"):
        list(documents.parse("a.yaml", text))


def test_ordinary_aliases_are_read() -> None:
    text = "base: &base {kind: Pod}\na: {<<: *base, name: a}\nb: [*base, *base]\n"
    (document,) = documents.parse("a.yaml", text)

    assert {"kind": "Pod", "name": "a"} == document.value["a"]
    assert [{"kind": "Pod"}] * 2 == document.value["b"]


LINE = 10_000_000
LONG = {
    "config": f'{HEAD}metadata: {{name: a}}\nspec: {{config: \'{{"x": "{"y" * LINE}"}}\'}}\n',
    "name": f"{HEAD}metadata: {{name: {'y' * LINE}}}\nspec: {{config: '{{}}'}}\n",
    "comment": f"{HEAD}metadata: {{name: a}}\nspec: {{config: '{{'}}\n# {' ' * LINE}\n",
    "list": f"kind: Pod\nmetadata: {{name: a, annotations: {{{NETWORKS}: '{'a,' * (LINE // 2)}'}}}}\n",
}


@pytest.mark.parametrize(
    ("text", "output"), [*((each, "text") for each in LONG), ("name", "sarif"), ("name", "junit")]
)
def test_a_line_of_ten_million_characters_is_read(netattach: Netattach, text: str, output: str) -> None:
    """And is not printed in full."""
    Path("a.yaml").write_text(LONG[text])
    status, out, _ = netattach("lint", "-o", output, "a.yaml")

    assert 1 == status
    assert len(out) < 1_000_000


NODES = st.recursive(
    st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=4),
    max_leaves=30,
)


@given(NODES)
def test_values_within_the_limits_are_read(value: object) -> None:
    for text in (yaml.safe_dump(value), json.dumps(value)):
        yaml_limits.check_depth(text)
        assert [value] == [document.value for document in documents.parse("a", text)]


@given(st.integers(1, 600), st.sampled_from(["[", "{a: ", "- ", "{? "]))
def test_the_depth_is_counted_exactly(depth: int, opening: str) -> None:
    text = opening * depth
    try:
        yaml_limits.check_depth(text)
    except LimitError:
        assert depth > MAX_DEPTH
    except yaml.YAMLError:
        assert depth <= MAX_DEPTH
    else:
        assert depth <= MAX_DEPTH
