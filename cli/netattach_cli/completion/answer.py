"""`netattach __complete WORDS`: the candidates for the last word.

Each is a line, with a tab before its description; the last line is `:` and a directive. That is the protocol of cobra, kubectl's
library, by which kubectl asks `kubectl_complete-netattach` too.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence

from netattach_cli.ask import bodies
from netattach_cli.cluster import kubectl_proxy, reader
from netattach_cli.cluster.errors import ClusterError
from netattach_cli.cluster.kubectl_proxy import Target
from netattach_cli.completion import candidates
from netattach_cli.completion.candidates import Candidates, Lookup
from netattach_cli.terminal import printable
from netattach_core.api.objects import Body
from netattach_kube.resource import NADS, NAMESPACES, NODES, PODS, Resource

_FILES, _NO_FILES = 0, 4
"""cobra's ShellCompDirectiveDefault and ShellCompDirectiveNoFileComp."""

_SECONDS = 2.0
"""A key press should not wait longer for an API server."""

_RESOURCES: dict[Lookup, Resource] = {
    Lookup.NAMESPACE: NAMESPACES,
    Lookup.POD: PODS,
    Lookup.NETWORK: NADS,
    Lookup.NODE: NODES,
}


def main() -> int:
    """The program `kubectl_complete-netattach`."""
    return answer(sys.argv[1:])


def answer(words: Sequence[str]) -> int:
    """Prints the candidates. Returns the exit status."""
    found = candidates.candidates(words)
    word = words[-1].rpartition("=")[2] if words else ""
    shown = [*found.words, *((name, "") for name in _looked_up(found, word))]
    lines = [f"{word}\t{text}" if text else word for word, text in shown]
    directive = _FILES if found.lookup is Lookup.FILE else _NO_FILES
    sys.stdout.write("".join(f"{line}\n" for line in [*lines, f":{directive}"]))
    return 0


def _looked_up(found: Candidates, word: str) -> Iterable[str]:
    """Nothing where the cluster does not answer: an error would appear in the middle of a command line."""
    given = dict(found.given)
    target = Target(given.get("kubeconfig", ""), given.get("context", ""), given.get("user", ""), _SECONDS)
    try:
        names = (
            _contexts(target) if found.lookup is Lookup.CONTEXT else _names(found.lookup, target, given, word)
        )
    except (ClusterError, OSError):
        return []
    return sorted(printable(name) for name in names if name.startswith(word))


def _names(lookup: Lookup, target: Target, given: dict[str, str], word: str) -> list[str]:
    """With the namespace before the name where the word begins so; else those of one namespace."""
    resource = _RESOURCES.get(lookup)
    if resource is None:
        return []
    before, slash, _ = word.partition("/")
    namespace = before if slash else given.get("namespace", "")
    if resource.namespaced and not namespace:
        namespace = kubectl_proxy.namespace_of(kubectl_proxy.default_namespace(target))
    with reader.connected(target) as found:
        read = found.kept(resource, bodies.full_name if slash else _name, namespace=namespace)
        return list(read.objects)


def _name(body: Body) -> str:
    return bodies.name(body)


def _contexts(target: Target) -> list[str]:
    words = ["kubectl", *target.flags(), "config", "get-contexts", "--output=name"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return done.stdout.split()
