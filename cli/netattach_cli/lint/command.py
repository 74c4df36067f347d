"""The command `netattach lint`."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path

from netattach_cli import inventories
from netattach_cli.files import UnreadableError
from netattach_cli.lint import cluster, namespace_policies, options, text_report
from netattach_cli.lint.forked_call import ForkedCallError
from netattach_cli.lint.formats import REPORTS
from netattach_cli.lint.linter import Linter
from netattach_cli.lint.namespace_policies import Namespaces
from netattach_cli.lint.network_validator import NetworkValidator
from netattach_cli.lint.options import Options
from netattach_cli.lint.report import Summary
from netattach_cli.terminal import Paint, wants_colours
from netattach_core.api.inventory import NodeInventory

NAME = "lint"
HELP = (
    "validate NetworkAttachmentDefinitions, and the network annotations of pods, in files; "
    "exits with 1 if one is refused, 2 if a file cannot be read"
)

_FEW_COLLECTIONS = 100_000
"""Objects that are made before Python looks for cycles, of which a run has next to none: a sixth of the time of many files."""

NOTHING_DENIED, DENIED, UNREADABLE = 0, 1, 2
"""Exit statuses."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="a YAML or JSON file, a folder with such files, a pattern such as 'nets/**/*.yaml', or - for standard input",
    )
    parser.add_argument(
        "-o",
        "--output",
        choices=list(REPORTS),
        default="text",
        help="text for people (default), json for programs, sarif for code hosts, junit for CI, github for a workflow",
    )
    parser.add_argument(
        "--warnings-as-errors", "--strict", action="store_true", help="also exit with 1 for warnings"
    )
    parser.add_argument(
        "--fail-empty",
        action="store_true",
        help="also exit with 1 if the files have neither networks nor pods that request some",
    )
    parser.add_argument(
        "--advice",
        action="store_true",
        help="also print advice: what most authors mean as they wrote it, and the webhooks do not mention",
    )
    parser.add_argument(
        "--related-only",
        action="store_true",
        help="skip files that mention neither networks nor their annotations, as in a folder; for hooks that pass every file",
    )
    options.add_arguments(parser)
    meaning = "what the nodes have, to validate interfaces and plugins too: a file, or `cluster` to ask the cluster with kubectl"
    inventories.add_arguments(parser, meaning)


def run(args: argparse.Namespace) -> int:
    """Validates all files; an unreadable one does not stop the run."""
    try:
        chosen = options.read(args, Path.cwd())
        namespaces = _namespaces(chosen)
        networks = NetworkValidator(_nodes(chosen), namespaces)
    except UnreadableError as error:
        text = text_report.error_text(error, Paint(on=wants_colours(sys.stderr)))
        # A line that began with text of others could be a command to a CI system.
        print(f"netattach: {text}", file=sys.stderr)
        return UNREADABLE
    gc.set_threshold(_FEW_COLLECTIONS)
    report = REPORTS[args.output](warnings_fail=chosen.warnings_as_errors)
    linter = Linter(
        networks, report, chosen.is_excluded, args.related_only, args.advice, Summary(project=chosen.project)
    )
    try:
        summary = linter.run(args.files)
    except ForkedCallError as error:
        print(
            f"netattach: a process that validated networks failed; not all findings are known: {error}",
            file=sys.stderr,
        )
        return UNREADABLE
    if summary.unreadable:
        return UNREADABLE
    if summary.is_empty and chosen.fail_empty:
        print("nothing to validate: no file has a network, or a pod that requests one", file=sys.stderr)
        return DENIED
    return (
        DENIED
        if summary.is_denied or (chosen.warnings_as_errors and summary.has_warnings)
        else NOTHING_DENIED
    )


def _namespaces(chosen: Options) -> Namespaces:
    """The policies of namespaces, by the settings of the cluster and the severities that the user asks for."""
    labels = {}
    if chosen.settings == cluster.CLUSTER:
        settings = cluster.settings(chosen.kubectl)
        labels = cluster.namespace_labels(chosen.kubectl)
    else:
        settings = namespace_policies.read_settings(chosen.settings)
    return Namespaces(options.with_severities(settings, chosen.severities), chosen.namespace, labels)


def _nodes(chosen: Options) -> list[NodeInventory] | None:
    nodes = inventories.read_from(chosen.inventory, chosen.kubectl)
    if nodes == []:
        print(
            "no node of the cluster has reported its inventory yet: interfaces are not validated",
            file=sys.stderr,
        )
    return nodes
