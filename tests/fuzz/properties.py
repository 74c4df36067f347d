"""Properties of all findings and messages of the validator, whatever the input."""

from __future__ import annotations

from collections.abc import Sequence

from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin
from netattach_core.text.finding import Finding
from netattach_webhooks import messages

NODES = (
    NodeInventory(
        "node1",
        (
            Interface("eth0", mtu=1500),
            Interface("eth1", mtu=1500),
            Interface("eth1.5", "vlan", parent="eth1"),
        ),
        (DefaultInterface("eth0", ("carries the IPv4 default route",)),),
        (Plugin("bridge"), Plugin("macvlan"), Plugin("vlan"), Plugin("host-local"), Plugin("static")),
    ),
    NodeInventory("node2", (Interface("eth1", mtu=9000),), (), (Plugin("macvlan"),)),
)

MAX_DENIAL = 8000
MAX_WARNING, MAX_WARNINGS = 256, 4096


def text_of(data: bytes) -> str:
    """Any text that JSON can represent, also with lone surrogates, which an escape in a review can produce."""
    return data.decode("utf-8", "surrogateescape")


def check_findings(findings: Sequence[Finding], text: str, subject: str = "Pod lab/web") -> None:
    """Each finding has a problem, a valid offset and a fix; the messages are short and printable."""
    for finding in findings:
        assert finding.problem, finding
        assert finding.fix, finding
        assert finding.offset is None or 0 <= finding.offset <= len(text), finding
    check_denial(messages.denial(subject, findings, text))
    check_warnings(messages.warnings(findings, text))


def check_denial(message: str) -> None:
    assert len(message) <= MAX_DENIAL, len(message)
    assert all(line.isprintable() for line in message.split("\n")), message


def check_warnings(lines: Sequence[str]) -> None:
    assert all(len(line) <= MAX_WARNING for line in lines), lines
    assert sum(map(len, lines)) <= MAX_WARNINGS, lines
    assert all(line.isprintable() for line in lines), lines
