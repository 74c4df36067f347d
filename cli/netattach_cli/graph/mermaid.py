"""A diagram for Markdown: networks, the reasons why nodes lack them, and some of their pods.

Cells would be too many: nodes of one reason are one line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from netattach_cli.graph.matrix import Matrix, Row, State
from netattach_cli.terminal import printable
from netattach_core.text.lists import and_more

_NAMED_PODS, _NAMED_NODES = 5, 3
_LONGEST = 200
_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -_./:,()=@+")


def text(shown: Matrix) -> str:
    """A flowchart."""
    return "\n".join(_lines(shown)) + "\n"


def _lines(shown: Matrix) -> Iterator[str]:
    yield "flowchart LR"
    yield "  classDef ok fill:#cfe8d5,stroke:#14532d,color:#14532d"
    yield "  classDef bad fill:#d3382e,stroke:#7f1d1d,color:#ffffff"
    for number, row in enumerate(shown.rows):
        yield from _network(shown, row, f"n{number}")


def _network(shown: Matrix, row: Row, name: str) -> Iterator[str]:
    of = [cell for cell in row.cells if cell.state is not State.NOT_SELECTED]
    ready = sum(cell.state is State.READY for cell in of)
    state = "ok" if ready == len(of) else "bad"
    yield f'  {name}["{_label(f"{row.network} {ready}/{len(of)} nodes")}"]:::{state}'
    nodes: defaultdict[int, list[str]] = defaultdict(list)
    for node, cell in zip(shown.nodes, row.cells, strict=True):
        for number in cell.reasons:
            nodes[number].append(node)
    for number, found in sorted(nodes.items()):
        reason = shown.reason(number)
        line = f"{and_more(found, _NAMED_NODES)}: {reason.reason}: {reason.message}"
        yield f'  {name} --- {name}r{number}["{_label(line)}"]:::bad'
    for number, pod in enumerate(row.pods[:_NAMED_PODS]):
        lack = "" if pod.ready else f": {pod.reason or 'not ready'}"
        edge = f" --> {name}" if pod.ready else f":::bad -.-> {name}"
        yield f'  {name}p{number}("{_label(pod.name + lack)}"){edge}'
    more = row.pods_total - len(row.pods[:_NAMED_PODS])
    if more > 0:
        yield f'  {name}more("{more} more pods") --> {name}'


def _label(text: str) -> str:
    """With Mermaid's own references for all but plain characters: quotes, brackets, HTML and Markdown are text then."""
    return "".join(each if each in _SAFE else f"#{ord(each)};" for each in printable(text)[:_LONGEST])
