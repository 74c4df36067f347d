"""`netattach lint` handles files with any content, and exits with one of its statuses."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from netattach_cli.__main__ import main
from netattach_core.api.nad import KIND
from netattach_core.api.networks_annotation import NETWORKS
from unit.cli.samples import nad

WORDS = st.sampled_from(
    [KIND, NETWORKS, "Pod", "CronJob", "List", "kind", "items", "metadata", "spec", "config"]
)
SIGNS = st.sampled_from(
    [
        "\n",
        "  ",
        ": ",
        "- ",
        "---\n",
        "|\n",
        ">",
        "&a ",
        "*a",
        "<<: ",
        "{",
        "}",
        "[",
        "]",
        '"',
        "'",
        "!x ",
        "# ",
        "\t",
        "\r\n",
    ]
)
YAMLISH = st.lists(st.one_of(WORDS, SIGNS, st.text(max_size=4)), max_size=30).map("".join)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["a, b@", '[{"name": 1}]']),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)
METADATA = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "name": VALUES,
            "namespace": VALUES,
            "annotations": st.one_of(VALUES, st.just({}), st.dictionaries(st.just(NETWORKS), VALUES)),
        },
    ),
)
POD = st.one_of(VALUES, st.fixed_dictionaries({}, optional={"metadata": METADATA, "spec": VALUES}))
OBJECTS = st.fixed_dictionaries(
    {"kind": st.sampled_from([KIND, "Pod", "Deployment", "CronJob", "PodTemplate"])},
    optional={
        "metadata": METADATA,
        "spec": st.one_of(VALUES, st.fixed_dictionaries({}, optional={"config": VALUES, "template": POD})),
        "template": POD,
    },
)


def lint(data: bytes, *options: str, inventory: bytes | None = None) -> tuple[int, str]:
    """Exit status and output; an exception fails the test."""
    with tempfile.TemporaryDirectory() as folder:
        file, nodes = Path(folder, "a.yaml"), Path(folder, "nodes.yaml")
        file.write_bytes(data)
        if inventory is not None:
            nodes.write_bytes(inventory)
            options = (*options, "--inventory", str(nodes))
        with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")) as out:
            with contextlib.redirect_stderr(io.StringIO()):
                status = main(["lint", str(file), *options])
            out.flush()
            return status, out.buffer.getvalue().decode()


@given(st.one_of(st.binary(), YAMLISH.map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_arbitrary_bytes_are_validated_or_unreadable(data: bytes) -> None:
    status, out = lint(data)

    assert status in {0, 1, 2}
    assert (status == 2) == ("could not be read" in out)


@given(
    st.one_of(
        OBJECTS, st.fixed_dictionaries({"kind": st.just("List"), "items": st.lists(OBJECTS, max_size=3)})
    ),
    st.booleans(),
)
def test_arbitrary_objects_are_reported_alike_in_all_formats(body: dict[str, Any], as_json: bool) -> None:  # noqa: FBT001  # hypothesis hands it in
    """NADs and pods whose fields have any type."""
    text = json.dumps(body) if as_json else yaml.safe_dump(body, allow_unicode=True)
    data = text.encode("utf-8", "surrogatepass")
    status, out = lint(data)
    reports = {form: json.loads(lint(data, "-o", form)[1]) for form in ("json", "sarif")}

    assert status in {0, 1, 2}
    assert (
        out.count(" fix: ") == len(reports["json"]["findings"]) == len(reports["sarif"]["runs"][0]["results"])
    )


@given(st.one_of(YAMLISH, VALUES.map(yaml.safe_dump)))
def test_arbitrary_inventories_are_read_or_refused(text: str) -> None:
    """The rules that need an inventory are never left out silently."""
    status, _ = lint(nad("a").encode(), inventory=text.encode("utf-8", "surrogatepass"))

    assert status in {0, 2}


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_control_characters_are_printed_as_escapes(value: str) -> None:
    """A NAD from an unknown source must not change the terminal."""
    body = {
        "kind": KIND,
        "metadata": {"name": value},
        "spec": {"config": json.dumps({"type": "bridge", value: 1})},
    }
    _, out = lint(json.dumps(body).encode())

    assert [] == [char for char in out if not char.isprintable() and char != "\n"]
