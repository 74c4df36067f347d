"""The condition Ready, and `nodes` of the status."""

from __future__ import annotations

from netattach_core.readiness import nad_nodes
from netattach_core.readiness.index import Readiness, Shortfall
from netattach_core.readiness.reason import DAEMON_NOT_READY, Code, Reason

MISSING = Reason(Code.INTERFACE_MISSING, "eth1 does not exist")


def test_ready_on_all_nodes() -> None:
    found = nad_nodes.verdict(Readiness(12, 12, ()))

    assert (True, "Ready", "ready on 12 nodes") == (found.holds, found.reason, found.message)
    assert "ready on 1 node" == nad_nodes.verdict(Readiness(1, 1, ())).message


def test_the_most_frequent_reason_is_that_of_the_condition() -> None:
    lacking = (Shortfall(MISSING, 7, ("n1", "n2", "n3")), Shortfall(DAEMON_NOT_READY, 1, ("n9",)))

    found = nad_nodes.verdict(Readiness(12, 4, lacking))

    assert (False, "InterfaceMissing") == (found.holds, found.reason)
    assert (
        "ready on 4 of 12 nodes; eth1 does not exist on n1, n2, n3 and 4 more; the netattach daemon is not ready on n9"
        == found.message
    )


def test_without_nodes_it_is_not_known() -> None:
    found = nad_nodes.verdict(Readiness(0, 0, ()))

    assert (None, "NoNodes") == (found.holds, found.reason)


def test_the_numbers_and_the_reasons() -> None:
    assert {
        "ready": 9,
        "total": 12,
        "summary": "9/12",
        "reasons": [{"reason": "InterfaceMissing", "message": "eth1 does not exist on n1, n2", "nodes": 2}],
    } == nad_nodes.nodes(Readiness(12, 9, (Shortfall(MISSING, 2, ("n1", "n2")),)))


def test_at_most_ten_reasons_are_listed() -> None:
    lacking = tuple(Shortfall(Reason(Code.PLUGIN_MISSING, str(n)), 1, ("n1",)) for n in range(13))

    assert 10 == len(nad_nodes.nodes(Readiness(13, 0, lacking))["reasons"])
    assert nad_nodes.verdict(Readiness(13, 0, lacking)).message.endswith("; and 10 more reasons")


def test_a_reason_of_the_network_itself_names_no_nodes() -> None:
    invalid = Reason(Code.INVALID, "the network is not valid: no `type`")
    (listed,) = nad_nodes.nodes(Readiness(2, 0, (Shortfall(invalid, 2, ("n1", "n2")),)))["reasons"]

    assert "the network is not valid: no `type`" == listed["message"]
