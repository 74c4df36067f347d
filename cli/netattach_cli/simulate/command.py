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
    "something is refused, or no node is left for a pod"
)

_KINDS = ("nad", "pod")


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
        sources.read([each for each in names if each != "-"], "default")
    except UnreadableError as error:
        print(f"netattach: {printable(f'{error.file}: {error.problem}')}", file=sys.stderr)
        return UNREADABLE
    read: dict[str, sources.Sources] = {}

    def show(reader: Reader, scope: Scope) -> View:
        if scope.namespace not in read:
            read[scope.namespace] = sources.read(names, scope.namespace)
        return _simulated(read[scope.namespace], inputs.gather(reader), kind)

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
    if not of_networks and not of_pods:
        errors.append("the files have no networks, pods or workloads with pods")
    return view.view(of_networks if kind != "pod" else [], of_pods if kind != "nad" else [], errors)
