"""docs/reference/ equals what the code has; `make reference`, or NETATTACH_WRITE_PAGES=1, generates it again."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import os

import pytest

from support import scripts

reference = scripts.load("reference")
PAGES = ("crds", "metrics", "environment", "cli")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_up_to_date(name: str) -> None:
    path = reference.DIRECTORY / f"{name}.md"
    page = reference.pages()[path]
    if os.environ.get("NETATTACH_WRITE_PAGES"):
        path.write_text(page)

    assert page == path.read_text(), f"docs/reference/{name}.md is not up to date: run `make reference`"


def test_all_pages_are_compared() -> None:
    assert {f"{name}.md" for name in PAGES} == {path.name for path in reference.pages()}


@pytest.mark.parametrize("name", PAGES)
def test_each_row_has_a_meaning(name: str) -> None:
    """Except fields whose name is enough, and which have no description in the schema."""
    rows = [
        line
        for line in reference.pages()[reference.DIRECTORY / f"{name}.md"].splitlines()
        if line[:3] == "| `"
    ]
    without = [row for row in rows if row.endswith("|  |")]

    assert len(rows) > 10
    assert name == "crds" or [] == without


@pytest.mark.parametrize("package", reference.CONFIGURED)
def test_variables_are_those_that_the_program_reads(package: str) -> None:
    """All fields but those that are computed."""
    settings = importlib.import_module(f"{package}.settings")
    fields = {field.name for field in dataclasses.fields(settings.Settings)} - {"api_server"}

    assert len(fields) == len(list(reference._variables(settings)))
    assert fields <= reference.field_docs(settings.Settings).keys()
