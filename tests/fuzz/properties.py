"""What holds for all that the validator says, whatever it was said of."""

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

LONGEST_DENIAL = 8000
LONGEST_WARNING, LONGEST_WARNINGS = 256, 4096


def text_of(data: bytes) -> str:
    """Any text that JSON can hold, halves of characters too: an escape in a review becomes one."""
    return data.decode("utf-8", "surrogateescape")


def sound(findings: Sequence[Finding], text: str, subject: str = "Pod lab/web") -> None:
    """Each says what is wrong, where, and how to fix it; and what goes out is short, and harmless on a terminal."""
    for finding in findings:
        assert finding.problem, finding
        assert finding.fix, finding
        assert finding.offset is None or 0 <= finding.offset <= len(text), finding
    denial(messages.denial(subject, findings, text))
    warnings(messages.warnings(findings, text))


def denial(message: str) -> None:
    assert len(message) <= LONGEST_DENIAL, len(message)
    assert all(line.isprintable() for line in message.split("\n")), message


def warnings(lines: Sequence[str]) -> None:
    assert all(len(line) <= LONGEST_WARNING for line in lines), lines
    assert sum(map(len, lines)) <= LONGEST_WARNINGS, lines
    assert all(line.isprintable() for line in lines), lines
