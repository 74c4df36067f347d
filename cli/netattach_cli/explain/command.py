"""The command `netattach explain`."""

from __future__ import annotations

import argparse

from netattach_cli.ask import frame, options
from netattach_cli.ask.frame import Scope
from netattach_cli.cluster.reader import Reader
from netattach_cli.explain import explanation, inputs, view
from netattach_cli.output.view import OK, WRONG, View

HELP = (
    "explain a pod: which networks it has, else at which phase and plugin its attachment failed, why, and what to do; "
    "exits with 1 if it lacks a network, or does not exist"
)

_KINDS = ("pod", "pods", "po")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pod", metavar="POD", help="a pod, as name, pod/name or namespace/name")
    options.add_namespace(parser, "the pod's namespace")
    options.add_output(parser)
    options.add_watch(parser)
    options.add_cluster(parser)
    parser.set_defaults(all_namespaces=False)


def run(args: argparse.Namespace) -> int:
    before, _, name = args.pod.rpartition("/")
    own = "" if before in _KINDS else before

    def show(reader: Reader, scope: Scope) -> View:
        namespace = own or scope.namespace
        facts = inputs.gather(reader, namespace, name, scope.now)
        if facts.pod is None:
            return _missing(name, namespace, known=facts.known)
        return view.view(explanation.explain(facts))

    return frame.run(args, show)


def _missing(name: str, namespace: str, *, known: bool) -> View:
    """A pod that a webhook refuses is never created: what creates it has the reason."""
    problem = (
        f"pod {name} does not exist in namespace {namespace}; if something should have created it, see its own Events: "
        "kubectl describe"
    )
    return View([], {}, status=WRONG if known else OK, errors=[problem] if known else [])
