"""One picture: the same table, with reasons and the numbers of pods next to it.

Titles of shapes are what a browser shows when the pointer is on one.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from netattach_cli.graph import colours
from netattach_cli.graph.colours import CLASS, FILL, INK
from netattach_cli.graph.matrix import Matrix, MatrixCell, Row, State
from netattach_cli.terminal import printable

_CELL, _LINE, _LETTER = 22, 16, 6.6
"""Pixels: of a cell, of a line of text, and of a letter at most."""

_LONGEST = 48
"""Characters of a name that are shown; its title has all of it."""

_LONGEST_MESSAGE = 150
_NAMED_PODS = 4


def text(shown: Matrix) -> str:
    """The picture, in ASCII with references for other characters."""
    picture = "\n".join(_lines(shown)) + "\n"
    return picture.encode("ascii", "xmlcharrefreplace").decode()


def _lines(shown: Matrix) -> Iterator[str]:
    left = 24 + _LETTER * min(_LONGEST, max((len(row.network) for row in shown.rows), default=7))
    top = 48 + _LETTER * min(_LONGEST, max(map(len, shown.nodes), default=4))
    right = left + _CELL * len(shown.nodes)
    below = top + _CELL * len(shown.rows)
    width = max(right + 560, left + 900)
    height = below + 40 + _LINE * (len(shown.reasons) + 2)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" font-family="system-ui,sans-serif" font-size="12">'
    )
    yield f"<title>{len(shown.rows)} networks on {len(shown.nodes)} nodes</title>"
    yield f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff"/>'
    yield from _key()
    yield from _columns(shown, left, top)
    for number, row in enumerate(shown.rows):
        yield from _row(shown, row, left, top + _CELL * number)
    yield from _legend(shown, below + 32)
    yield "</svg>"


def _key() -> Iterator[str]:
    x = 8
    for state in State:
        fill, name = FILL[CLASS[state]], state.value
        yield f'<rect x="{x}" y="8" width="14" height="14" fill="{fill}"/><text x="{x + 20}" y="19">{name}</text>'
        x += 150


def _columns(shown: Matrix, left: float, top: float) -> Iterator[str]:
    for number, node in enumerate(shown.nodes):
        x, y, name = left + _CELL * number + 15, top - 6, _escaped(_cut(node))
        yield (
            f'<text transform="translate({x:.0f} {y:.0f}) rotate(-90)"><title>{_escaped(node)}</title>{name}</text>'
        )


def _row(shown: Matrix, row: Row, left: float, y: float) -> Iterator[str]:
    yield f'<text x="8" y="{y + 15:.0f}"><title>{_escaped(row.network)}</title>{_escaped(_cut(row.network))}</text>'
    for number, (node, cell) in enumerate(zip(shown.nodes, row.cells, strict=True)):
        yield _cell(shown.title(row, node, cell), cell, left + _CELL * number, y)
    yield _pods(row, left + _CELL * len(shown.nodes) + 10, y)


def _cell(title: str, cell: MatrixCell, x: float, y: float) -> str:
    name, size = CLASS[cell.state], _CELL - 1
    sign = colours.sign(cell.state, ",".join(map(str, cell.reasons)), cell.pods)
    middle, base = x + size / 2, y + 15
    return (
        f'<g><title>{_escaped(title)}</title><rect x="{x:.0f}" y="{y:.0f}" width="{size}" height="{size}" fill="{FILL[name]}"/>'
        f'<text x="{middle:.0f}" y="{base:.0f}" text-anchor="middle" font-size="10" fill="{INK[name]}">{sign}</text></g>'
    )


def _pods(row: Row, x: float, y: float) -> str:
    names = ", ".join(
        _cut(f"{each.name}{'' if each.ready else ' (lacks it)'}") for each in row.pods[:_NAMED_PODS]
    )
    more = row.pods_total - len(row.pods[:_NAMED_PODS])
    shown = f"{row.pods_total} pods: {names}{f' and {more} more' if more else ''}" if row.pods else "no pods"
    colour = "#444" if all(each.ready for each in row.pods) else "#b3261e"
    return f'<text x="{x:.0f}" y="{y + 15:.0f}" font-size="11" fill="{colour}">{_escaped(shown[:_LONGEST_MESSAGE])}</text>'


def _legend(shown: Matrix, y: float) -> Iterator[str]:
    for number, each in enumerate(shown.reasons):
        line = f"{each.number}: {each.reason} ({each.cells}): {each.message}"
        yield f'<text x="8" y="{y + _LINE * number:.0f}">{_escaped(line[:_LONGEST_MESSAGE])}</text>'


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def _escaped(text: str) -> str:
    return escape(printable(text), {'"': "&quot;"})
