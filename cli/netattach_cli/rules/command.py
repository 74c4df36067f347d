"""The command `netattach rules`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from netattach_cli import rule_pages
from netattach_cli.lint.rules import ALL_RULES, FILE_RULES
from netattach_cli.lint.severities import unknown_rule
from netattach_cli.terminal import BOLD, RED, YELLOW, Paint, printable, wants_colours
from netattach_core.text.finding import Rule, Severity

NAME = "rules"
HELP = "list the rules of `netattach lint` and the webhooks, or explain some of them"

SHOWN, UNKNOWN = 0, 2
"""Exit statuses."""

_COLOURS = {Severity.DENY: RED, Severity.WARN: YELLOW}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "rules",
        metavar="RULE",
        nargs="*",
        help="the id of a rule to explain, or a pattern such as 'bridge-*' to list; by default, all are listed",
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="text for people, json for programs"
    )


def run(args: argparse.Namespace) -> int:
    """2 if there is no rule of a given id."""
    chosen: dict[str, Rule] = {}
    for wanted in args.rules or ["*"]:
        found = {rule.id: rule for rule in ALL_RULES if fnmatchcase(rule.id, wanted)}
        if not found:
            print(f"error: {printable(unknown_rule(wanted))}", file=sys.stderr)
            return UNKNOWN
        chosen |= found
    explains = bool(args.rules) and all(wanted in chosen for wanted in args.rules)
    rules = list(chosen.values())
    if args.output == "json":
        print(json.dumps([_body(rule, with_page=explains) for rule in rules], indent=2))
    elif explains:
        print("\n".join(_explained(rule, Paint(on=wants_colours(sys.stdout))) for rule in rules), end="")
    else:
        _list(rules, Paint(on=wants_colours(sys.stdout)))
    return SHOWN


def _list(rules: Sequence[Rule], paint: Paint) -> None:
    width = max(len(rule.id) for rule in rules)
    for rule in rules:
        severity = paint(f"{rule.severity.value:4}", _COLOURS.get(rule.severity, BOLD))
        print(f"{rule.id:{width}}  {severity}  {rule.summary}")


def _explained(rule: Rule, paint: Paint) -> str:
    head = f"{paint(rule.id, BOLD)} ({paint(rule.severity.value, _COLOURS.get(rule.severity, BOLD))}): {rule.summary}"
    lines = [head, "", *_page_lines(rule), f"{_decides(rule)}", rule_pages.url(rule.id), ""]
    return "\n".join(lines)


def _page_lines(rule: Rule) -> list[str]:
    """The page without its first line, which repeats the summary, and without the fences of Markdown."""
    lines = rule_pages.page(rule.id).strip().splitlines()
    body = lines[1:] if lines and lines[0].startswith("**") else lines
    shown = [line for line in body if not line.startswith("```")]
    return [*"\n".join(shown).strip().splitlines(), ""] if shown else []


def _decides(rule: Rule) -> str:
    if rule.policy:
        return "The policy of the namespace decides on its severity."
    if rule in FILE_RULES:
        return f"No webhook has this rule. To change its severity: --severity {rule.id}=off"
    return f"To change its severity: --severity {rule.id}=off, or validation.severities in the cluster's settings"


def _body(rule: Rule, *, with_page: bool) -> dict[str, Any]:
    body = {
        "id": rule.id,
        "severity": rule.severity.value,
        "summary": rule.summary,
        "policy": rule.policy,
        "url": rule_pages.url(rule.id),
    }
    return {**body, "page": rule_pages.page(rule.id)} if with_page else body
