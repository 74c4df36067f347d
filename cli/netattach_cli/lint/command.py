"""The command `netattach lint`."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable

from netattach_cli import files, inventories
from netattach_cli.files import File, UnreadableError
from netattach_cli.lint import file_search, manifests, namespace_policies, text_report
from netattach_cli.lint.json_report import JsonReport
from netattach_cli.lint.manifest_validator import ManifestValidator, asks_for_networks
from netattach_cli.lint.namespace_policies import Namespaces
from netattach_cli.lint.report import Report, Summary
from netattach_cli.lint.sarif_report import SarifReport
from netattach_cli.lint.text_report import TextReport
from netattach_cli.terminal import Paint, wants_colours
from netattach_core.api.inventory import NodeInventory
from netattach_kube.cluster_settings import ClusterSettings

NAME = "lint"
HELP = (
    "validate NetworkAttachmentDefinitions, and the network annotations of pods, in files; "
    "exits with 1 if one is refused, 2 if a file cannot be read"
)

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
        choices=list(_REPORTS),
        default="text",
        help="text for people (default), json for programs, sarif for code hosts",
    )
    parser.add_argument(
        "--warnings-as-errors", "--strict", action="store_true", help="also exit with 1 for warnings"
    )
    parser.add_argument(
        "--related-only",
        action="store_true",
        help="skip files that mention neither networks nor their annotations, as in a folder; for hooks that pass every file",
    )
    parser.add_argument(
        "--settings",
        metavar="FILE",
        help="the cluster's settings, as text or as the ConfigMap netattach-config; by default those of a new cluster",
    )
    parser.add_argument(
        "--namespace",
        "-n",
        default="default",
        help="the namespace of objects that have none (default: default)",
    )
    meaning = "what the nodes have, to validate interfaces and plugins too: a file, or `cluster` to ask the cluster with kubectl"
    inventories.add_arguments(parser, meaning)


def run(args: argparse.Namespace) -> int:
    """Validates all files; an unreadable one does not stop the run."""
    report, summary = _REPORTS[args.output](), Summary()
    try:
        validator = ManifestValidator(_nodes(args), _namespaces(args))
    except UnreadableError as error:
        print(text_report.error_text(error, Paint(on=wants_colours(sys.stderr))), file=sys.stderr)
        return UNREADABLE
    seen = set[str]()
    for argument in args.files:
        try:
            found = file_search.expand(argument)
        except UnreadableError as error:
            _report_unreadable(error, summary, report)
            continue
        for file in found:
            path = os.path.realpath(file.path)
            if path not in seen:
                named = file.named and not args.related_only
                _lint_file(dataclasses.replace(file, named=named), validator, summary, report)
            seen.add(path)
    report.finish(summary)
    if summary.unreadable:
        return UNREADABLE
    return DENIED if summary.refused or (args.warnings_as_errors and summary.warned) else NOTHING_DENIED


def _namespaces(args: argparse.Namespace) -> Namespaces:
    settings = namespace_policies.read_settings(args.settings) if args.settings else ClusterSettings()
    return Namespaces(settings, args.namespace)


def _nodes(args: argparse.Namespace) -> list[NodeInventory] | None:
    nodes = inventories.read(args)
    if nodes == []:
        print(
            "no node of the cluster has reported its inventory yet: interfaces are not validated",
            file=sys.stderr,
        )
    return nodes


def _lint_file(file: File, validator: ManifestValidator, summary: Summary, report: Report) -> None:
    """Validates one file, also the documents before one that cannot be parsed."""
    try:
        text = files.read(file)
        if not file_search.is_related(file, text):
            return
        validator.namespaces.learn(file.name, text)
        for manifest in manifests.manifests(file.name, text):
            if manifest.is_nad or asks_for_networks(manifest):
                findings = validator.validate(manifest)
                summary.add(manifest, [each.finding for each in findings])
                for finding in findings:
                    report.finding(finding)
    except UnreadableError as error:
        _report_unreadable(error, summary, report)


def _report_unreadable(error: UnreadableError, summary: Summary, report: Report) -> None:
    summary.unreadable += 1
    report.unreadable(error)


def _text_report() -> Report:
    return TextReport(Paint(on=wants_colours(sys.stdout)))


_REPORTS: dict[str, Callable[[], Report]] = {
    "text": _text_report,
    "json": JsonReport,
    "sarif": SarifReport,
}
