"""`netattach status` as people and programs see it."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_cli.output import formats
from netattach_cli.output.plain import plain
from netattach_cli.output.view import INCOMPLETE, OK, WRONG
from netattach_cli.status.checks import Check, Item, State
from netattach_cli.status.view import view
from netattach_cli.terminal import Paint

PLAIN = Paint(on=False)
FINE = Check("daemons", State.OK, "2/2 ready")
HIDDEN = Check("certificates", State.UNKNOWN, "unknown")
BROKEN = Check(
    "networks",
    State.WRONG,
    "1/2 ready",
    [
        Item(
            "network-attachment-definition",
            "default",
            "lan",
            "1/2",
            "InterfaceMissing",
            "eth1 does not exist on node2",
        )
    ],
)


def test_the_table_names_what_is_wrong() -> None:
    expected = """\
CHECK          STATE     MESSAGE
daemons        ok        2/2 ready
certificates   unknown   unknown
networks       wrong     1/2 ready

CHECK      OBJECT        WHERE   REASON             MESSAGE
networks   default/lan   1/2     InterfaceMissing   eth1 does not exist on node2
"""
    assert expected == formats.text(view([FINE, HIDDEN, BROKEN]), "table", PLAIN)


def test_a_healthy_cluster_has_one_table() -> None:
    assert "CHECK     STATE   MESSAGE\ndaemons   ok      2/2 ready\n" == formats.text(
        view([FINE]), "table", PLAIN
    )


def test_of_many_objects_the_first_ten_are_shown_and_all_on_request() -> None:
    many = Check("pods", State.WRONG, "", [Item("pod", "default", f"p{number}") for number in range(25)])

    shown = formats.text(view([many]), "table", PLAIN)
    wide = formats.text(view([many], all_items=True), "wide", PLAIN)

    assert "default/p9 " in shown
    assert "default/p10" not in shown
    assert "and 15 more" in shown
    assert "default/p24" in wide
    assert "more" not in wide


@pytest.mark.parametrize(
    ("checks", "status"),
    [([FINE], OK), ([FINE, HIDDEN], INCOMPLETE), ([FINE, HIDDEN, BROKEN], WRONG)],
    ids=["all is well", "not all is known", "something is wrong"],
)
def test_the_exit_status(checks: list[Check], status: int) -> None:
    assert status == view(checks).status


def test_the_form_of_the_json_is_a_promise() -> None:
    expected: dict[str, Any] = {
        "ok": False,
        "checks": [
            {"name": "daemons", "state": "ok", "message": "2/2 ready", "items": []},
            {
                "name": "networks",
                "state": "wrong",
                "message": "1/2 ready",
                "items": [
                    {
                        "kind": "network-attachment-definition",
                        "namespace": "default",
                        "name": "lan",
                        "where": "1/2",
                        "reason": "InterfaceMissing",
                        "message": "eth1 does not exist on node2",
                    }
                ],
            },
        ],
    }
    assert expected == plain(view([FINE, BROKEN]).data)


def test_names_are_those_of_what_is_wrong() -> None:
    assert "network-attachment-definition/lan\n" == formats.text(view([FINE, BROKEN]), "name", PLAIN)
