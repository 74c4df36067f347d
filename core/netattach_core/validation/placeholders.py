"""Rules for values that were meant to be replaced before the object is applied: `${NIC}`, `<interface>`, `{{ .Values.nic }}`.

A text with such an expression outside of a string is not JSON, and `text.json_mistakes` explains it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from netattach_core.net.names import shown
from netattach_core.text.finding import Finding, Path, Rule, Severity, path_text
from netattach_core.text.json_document import Node

PLACEHOLDER = Rule("placeholder", Severity.WARN, "a value that looks like a placeholder")

RULES = (PLACEHOLDER,)

_PLACEHOLDER = re.compile(
    r"""
      \{\{ [^{}]{0,200} \}\}           # Helm, Jinja; no part can match in two ways, since anybody writes the text
    | \{% [^%]{0,200} %\}
    | \$\{ [^{}]{1,200} \}             # shells, envsubst
    | \$\( [^()]{1,200} \)             # make, Kubernetes' env
    | (?<![^/]) \$[A-Z_][A-Z0-9_]* (?![^/])
    | < [A-Za-z][\w .-]{0,100} >       # manuals
    | \A _{2,}[A-Z][A-Z0-9_]* (?<=__) \Z
    | \A (?: REPLACE|CHANGE|FILL|INSERT|YOUR ) [-_] [A-Z0-9_-]+ \Z
    """,
    re.VERBOSE,
)
_COMMENTS = ("_", "#", "//")
_MAX_FINDINGS = 20
_LONGEST = 1024
"""Characters of a string that is searched; nobody writes such an expression into a longer one."""


def check(root: Node) -> Iterator[Finding]:
    """The findings about strings at any depth, at most twenty; keys that serve as comments are skipped."""
    found = 0
    for path, node in _strings(root, ()):
        match = len(node.value) <= _LONGEST and _PLACEHOLDER.search(node.value)
        if match:
            key, value = path_text(path[-1:]), shown(match.group())
            problem = f"`{key}` contains {value!r}, which looks like a placeholder: nothing replaces it"
            fix = "render the template (helm template, envsubst) and apply the result, or write the value"
            yield Finding(PLACEHOLDER, path, problem, fix, node.start)
            found += 1
        if found == _MAX_FINDINGS:
            return


def _strings(node: Node, path: Path) -> Iterator[tuple[Path, Node]]:
    if isinstance(node.value, str):
        if path:
            yield path, node
        return
    for member in node.members:
        if not member.key.startswith(_COMMENTS):
            yield from _strings(member.node, (*path, member.key))
    for index, item in enumerate(node.items):
        yield from _strings(item, (*path, index))
