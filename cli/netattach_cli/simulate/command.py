"""The command `netattach simulate`."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from netattach_cli.ask import bodies, frame, options
from netattach_cli.ask.frame import Scope
from netattach_cli.cluster.reader import Reader
from netattach_cli.files import UnreadableError
from netattach_cli.output.view import UNREADABLE, View
from netattach_cli.simulate import inputs, networks, pods, sources, view
from netattach_cli.terminal import printable

HELP = (
    "say what would happen if files were applied: what admission refuses, warns of and adds, on which nodes "
    "networks would be ready and pods attached, and the interfaces of each pod with their default routes; exits with 1 if "
    "something is refused, or no node is left for a pod, and with 2 if the files have nothing to simulate"
)

_KINDS = {"nad": "networks", "pod": "pods or workloads with pods"}
_ANY = "networks, pods or workloads with pods"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        help="files with networks, pods and workloads, or - for standard input; `nad` or `pod` before them leaves out the others",
    )
    parser.add_argument(
        "-f", "--filename", action="append", default=[], metavar="FILE", help="as FILE; may be repeated"
    )
    options.add_namespace(parser, "the namespace of objects that have none")
    options.add_output(parser)
    options.add_cluster(parser)
    parser.set_defaults(all_namespaces=False)


def run(args: argparse.Namespace) -> int:
    kind, names = (
        (args.files[0], args.files[1:]) if args.files[:1] and args.files[0] in _KINDS else ("", args.files)
    )
    names = [*names, *args.filename]
    if not names:
        print("netattach: give files with networks or pods: -f FILE", file=sys.stderr)
        return UNREADABLE
    try:
        objects = sources.read(names)
    except UnreadableError as error:
        print(f"netattach: {printable(f'{error.file}: {error.problem}')}", file=sys.stderr)
        return UNREADABLE
    found = sources.sources(objects, "default")
    if not (kind != "pod" and found.networks) and not (kind != "nad" and found.pods):
        print(f"netattach: the files have no {_KINDS.get(kind, _ANY)}", file=sys.stderr)
        return UNREADABLE

    def show(reader: Reader, scope: Scope) -> View:
        in_scope = sources.sources(objects, scope.namespace)
        applied = {(bodies.namespace(body), bodies.name(body)) for body in in_scope.networks}
        return _simulated(in_scope, inputs.gather(reader, applied), kind)

    return frame.run(args, show)


def _simulated(found: sources.Sources, facts: inputs.Facts, kind: str) -> View:
    """Pods are simulated with the networks of the files, as far as these would be admitted."""
    of_networks = [networks.simulate(body, facts) for body in found.networks]
    admitted = {each.network for each in of_networks if each.admitted}
    new = {
        (bodies.namespace(body), bodies.name(body)): body
        for body in found.networks
        if bodies.full_name(body) in admitted
    }
    after = dataclasses.replace(facts, networks={**facts.networks, **new})
    of_pods = [pods.simulate(pod, after) for pod in found.pods]
    errors = [facts.settings_problem] if facts.settings_problem else []
    return view.view(of_networks if kind != "pod" else [], of_pods if kind != "nad" else [], errors)
