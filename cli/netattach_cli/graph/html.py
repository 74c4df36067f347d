"""One page: a table of networks and nodes, the reasons, and each network's pods.

The texts are those of a cluster's users. Each is escaped, and the page's own policy allows nothing but its one style sheet: no
script, no image, no request.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterator

from netattach_cli.graph import colours
from netattach_cli.graph.colours import CLASS, FILL, INK
from netattach_cli.graph.matrix import Matrix, MatrixCell, Row, State
from netattach_cli.terminal import printable

_STATES = "".join(f".{name}{{background:{FILL[name]};color:{INK[name]}}}" for name in FILL)
_STYLE = (
    "body{font:14px/1.4 system-ui,sans-serif;margin:1.5rem;color:#1c1c1c;background:#fff}"
    "h1{font-size:1.3rem}h2{font-size:1.05rem;margin-top:2rem}"
    ".wide{overflow:auto;max-height:85vh;border:1px solid #ccc;display:inline-block;max-width:100%}"
    "table{border-collapse:separate;border-spacing:0}"
    ".m td,.m th{border-right:1px solid #fff;border-bottom:1px solid #fff;padding:0 3px;font-size:12px;height:20px}"
    ".m td{min-width:20px;text-align:center}"
    ".m thead th{position:sticky;top:0;background:#fff;z-index:2;vertical-align:bottom;font-weight:400}"
    ".m thead th div{writing-mode:vertical-rl;transform:rotate(180deg);max-height:20rem;overflow:hidden;text-overflow:ellipsis;"
    "white-space:nowrap}"
    ".m th[scope=row]{position:sticky;left:0;background:#fff;z-index:1;text-align:left;font-weight:400;white-space:nowrap;"
    "max-width:min(28rem,40vw);overflow:hidden;text-overflow:ellipsis}"
    ".m thead th:first-child{left:0;z-index:3;text-align:left}"
    ".m tbody tr:hover th,.m tbody tr:hover td{box-shadow:inset 0 1px #1c1c1c,inset 0 -1px #1c1c1c}"
    ".l td,.l th{text-align:left;padding:2px 10px 2px 0;vertical-align:top;overflow-wrap:anywhere}"
    ".k span{display:inline-block;padding:1px 8px;margin-right:8px}"
    "details{margin:2px 0}summary{cursor:pointer}ul{margin:.2rem 0 .6rem;columns:24rem}"
    ".no{color:#b3261e;font-weight:600}" + _STATES
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"


def text(shown: Matrix) -> str:
    """The page, in ASCII with references for other characters."""
    page = "\n".join(_lines(shown)) + "\n"
    return page.encode("ascii", "xmlcharrefreplace").decode()


def _lines(shown: Matrix) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
    yield f"<title>Networks</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>{len(shown.rows)} networks on {len(shown.nodes)} nodes</h1>"
    yield from _key()
    yield from _table(shown)
    yield from _reasons(shown)
    yield "<h2>Networks with their pods</h2>"
    for row in shown.rows:
        yield from _pods(row)
    yield "</body></html>"


def _key() -> Iterator[str]:
    yield '<p class="k">'
    texts = {
        State.READY: "ready (the number: attached pods)",
        State.NOT_READY: "not ready (the numbers: reasons below)",
        State.NOT_SELECTED: "the network is not for this node",
        State.UNKNOWN: "unknown",
    }
    for state, meaning in texts.items():
        yield f'<span class="{CLASS[state]}">{meaning}</span>'
    yield "</p>"


def _table(shown: Matrix) -> Iterator[str]:
    yield '<div class="wide" tabindex="0"><table class="m"><thead><tr><th>network</th>'
    for node in shown.nodes:
        yield f'<th scope="col" title="{_escaped(node)}"><div>{_escaped(node)}</div></th>'
    yield "</tr></thead><tbody>"
    for row in shown.rows:
        name, plugins = _escaped(row.network), _escaped(row.plugins)
        mark = ' class="no"' if any(cell.state is State.NOT_READY for cell in row.cells) else ""
        cells = "".join(
            _cell(shown, row, node, cell) for node, cell in zip(shown.nodes, row.cells, strict=True)
        )
        yield f'<tr><th scope="row"{mark} title="{name} {plugins}">{name}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def _cell(shown: Matrix, row: Row, node: str, cell: MatrixCell) -> str:
    sign = colours.sign(cell.state, ",".join(map(str, cell.reasons)), cell.pods)
    title = _escaped(shown.title(row, node, cell))
    return f'<td class="{CLASS[cell.state]}" title="{title}">{sign}</td>'


def _reasons(shown: Matrix) -> Iterator[str]:
    if not shown.reasons:
        return
    yield '<h2>Reasons</h2><table class="l"><thead><tr><th>number</th><th>reason</th><th>message</th><th>cells</th></tr></thead>'
    yield "<tbody>"
    for each in shown.reasons:
        yield (
            f"<tr><td>{each.number}</td><td>{_escaped(each.reason)}</td><td>{_escaped(each.message)}</td>"
            f"<td>{each.cells}</td></tr>"
        )
    yield "</tbody></table>"


def _pods(row: Row) -> Iterator[str]:
    lacking = sum(not each.ready for each in row.pods)
    problem = f' <span class="no">{lacking} without it</span>' if lacking else ""
    yield f"<details><summary>{_escaped(row.network)}: {row.pods_total} pods{problem}</summary><ul>"
    for pod in row.pods:
        why = "" if pod.ready else f' <span class="no">{_escaped(pod.reason or "not ready")}</span>'
        yield f"<li>{_escaped(pod.name)} on {_escaped(pod.node or 'no node')}{why}</li>"
    more = row.pods_total - len(row.pods)
    yield f"<li>and {more} more</li></ul></details>" if more else "</ul></details>"


def _escaped(text: str) -> str:
    """Also without control characters, which no browser has to show."""
    return html.escape(printable(text), quote=True)
