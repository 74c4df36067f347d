"""Values that were meant to be replaced, and values that only look a little like them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from netattach_core.text.finding import path_text
from support.validation import bridge, config, macvlan, validated

LEFT_IN = [
    "${NIC}",
    "<interface>",
    "<interface name>",
    "{{ .Values.nic }}",
    "{{nic}}",
    "{% if nic %}eth1{% endif %}",
    "$(NIC)",
    "$NIC",
    "__CNI_MASTER__",
    "REPLACE_ME",
    "YOUR-INTERFACE",
    "${NIC}.100",
]


@pytest.mark.parametrize("value", LEFT_IN)
def test_a_placeholder_is_reported_with_its_place(value: str) -> None:
    found = [each for each in validated(macvlan(master=value)) if each.rule.id == "placeholder"]

    assert ["master"] == [path_text(each.path) for each in found]
    assert "looks like a placeholder" in found[0].problem


def test_a_placeholder_in_a_list_of_an_unknown_plugin_is_reported() -> None:
    (found,) = validated(config("other", pools=[{"name": "${POOL}"}]))

    assert ("placeholder", "pools[0].name") == (found.rule.id, path_text(found.path))
    assert "`name` contains '${POOL}'" in found.problem


@pytest.mark.parametrize(
    "value",
    ["eth1", "eth1$", "a<b", "a < b > c", "5 > 3", "{x}", "}}", "$", "${}", "$1", "__x__", "br-int", "A_B"],
)
def test_other_values_are_not(value: str) -> None:
    assert "placeholder" not in {each.rule.id for each in validated(config("other", key=value))}


def test_a_comment_may_contain_one() -> None:
    assert [] == validated(bridge(_comment="the value of ${NIC}"))


@pytest.mark.parametrize("text", ["{{", "{%", "${", "$(", "<a", "__A", "$A", "CHANGE-A"])
def test_a_long_value_is_read_in_linear_time(text: str) -> None:
    """The limit is far above what it takes, and far below what trying each end from each start would."""
    started = time.process_time()
    validated(config("other", key=text * 15_000))

    assert time.process_time() - started < 5


def test_only_strings_that_somebody_may_have_written_are_searched() -> None:
    """The longer ones would take longer, and the search stops all threads."""
    values = {"near": "x" * 1010 + "${X}", "far": "x" * 1100 + "${X}"}
    found = validated(config("other", **values))

    assert ["near"] == [path_text(each.path) for each in found if each.rule.id == "placeholder"]


@pytest.mark.parametrize(("end", "reported"), [("", True), ("!", False)])
def test_an_expression_of_underscores_has_one_end(end: str, reported: bool) -> None:  # noqa: FBT001  # of a table
    found = validated(config("other", key="__A" + "_" * 1000 + end))

    assert reported is ("placeholder" in {each.rule.id for each in found})


def test_many_placeholders_are_reported_up_to_a_limit() -> None:
    values: dict[str, Any] = {f"key{number}": "${X}" for number in range(1000)}

    assert 20 == len(validated(config("other", **values)))
