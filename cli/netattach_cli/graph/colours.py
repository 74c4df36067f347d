"""What a state looks like: a colour and a sign, so that it is recognised without the colour."""

from __future__ import annotations

from netattach_cli.graph.matrix import State

CLASS = {
    State.READY: "ok",
    State.NOT_READY: "bad",
    State.NOT_SELECTED: "off",
    State.UNKNOWN: "unk",
}
FILL = {"ok": "#cfe8d5", "bad": "#d3382e", "off": "#ececec", "unk": "#fff2c2"}
INK = {"ok": "#14532d", "bad": "#ffffff", "off": "#5f5f5f", "unk": "#6b4e00"}
SIGN = {State.READY: "\N{MIDDLE DOT}", State.NOT_READY: "", State.NOT_SELECTED: "-", State.UNKNOWN: "?"}
"""Of a cell without a number: that of pods, or those of reasons."""


def sign(state: State, reasons: str, pods: int) -> str:
    """The text of a cell: the numbers of its reasons, else its pods, else the sign of its state."""
    if state is State.NOT_READY:
        return reasons
    return str(pods) if pods else SIGN[state]
