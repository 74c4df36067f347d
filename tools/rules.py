"""Writes docs/rules.md: each rule with an example that violates it, and the findings that the validator returns for it.

The command line has the same text in a file of its own, for `netattach rules RULE`.

    make rules      # or NETATTACH_WRITE_RULES=1 pytest tests/unit/test_rules_page.py

The examples are docs/rules/examples/RULE.yaml; the webhooks' own code validates them in the cluster of docs/rules/cluster.yaml.
Each has exactly one of these keys, for the validated object:

    config: |          the `spec.config` of a NetworkAttachmentDefinition lab/net
    networks: …        the annotation of a pod lab/web that requests networks
    settings: |        the text of the cluster's settings
    object: {…}        any other object, complete
    file: |            a file that `netattach lint` reads, for the rules that no webhook has

and any of these:

    why: …             a sentence or two of explanation, where the finding is not enough
    annotations: {…}   more annotations of the object
    others: […]        more objects in the cluster
    nodes: none        no node has published an inventory
    before: …          the earlier version of an object that is updated, with the same key
    deleted: true      the object is deleted
    unavailable: true  the API server is unavailable
    letters: 40000     the number of letters to insert for …
"""

# A script, not a package:
# ruff: noqa: INP001

from __future__ import annotations

import asyncio
import copy
import dataclasses
import functools
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fuzz import known
from netattach_cli import rule_pages
from netattach_cli.lint.linter import Linter
from netattach_cli.lint.network_validator import NetworkValidator
from netattach_cli.lint.report import BufferedReport, Summary
from netattach_cli.lint.rules import FILE_RULES
from netattach_core import admission
from netattach_core.api.networks_annotation import NETWORKS
from netattach_core.text import json_document
from netattach_core.text.finding import Finding, Rule, path_text
from netattach_core.validation import validator
from netattach_kube import cluster_settings
from netattach_webhooks import review
from netattach_webhooks.validators import Validators

Body = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/rules.md"
PACKAGED = ROOT / "cli/netattach_cli" / rule_pages.FILE
CLUSTER = ROOT / "docs/rules/cluster.yaml"
EXAMPLES = ROOT / "docs/rules/examples"

SECTIONS: Sequence[tuple[str, Sequence[Rule]]] = (
    ("Networks", validator.RULES),
    ("Admission: networks in use, pods, templates, settings", admission.RULES),
    ("Policy: what a namespace may do", admission.POLICY_RULES),
    ("Files: rules of `netattach lint` alone", FILE_RULES),
)
RULES = tuple(rule for _, rules in SECTIONS for rule in rules)

_FORMS = ("config", "networks", "settings", "object", "file")
_OPTIONS = ("why", "annotations", "others", "nodes", "before", "deleted", "unavailable", "letters")
_PATHS = {
    ("NetworkAttachmentDefinition", False): "nads",
    ("NetworkAttachmentDefinition", True): "deletions",
    ("Pod", False): "pods",
    ("ConfigMap", False): "config",
}
"""The webhook path for a kind and for its deletion; all other kinds are pod templates."""

_HEAD = """\
# Rules

The rules of `netattach lint`, the webhooks and the operator. With severity `deny`, the object is refused; with `warn`,
kubectl prints a warning; with `advice`, only `netattach lint --advice` prints it. The id of a rule is stable: cite it,
search for it, or change its severity in the [settings](settings.md). Each example violates its rule; below it is the
validator's finding, with its path and the fix.
A finding can have a lower severity than its rule where failure is not certain.

`make rules` generates this page from the rules and from [rules/examples](rules/examples); a test verifies that it is
up to date.

All examples are validated in a cluster with this inventory:

"""


@dataclass(frozen=True)
class Example:
    """One file of docs/rules/examples."""

    rule: str
    body: Mapping[str, Any]

    @property
    def object(self) -> Body:
        return _object(self.body, self.body)

    @property
    def before(self) -> Body | None:
        if "before" not in self.body:
            return self.object if self.body.get("deleted") else None
        return _object(self.body["before"], self.body)

    @property
    def cluster(self) -> list[Body]:
        inventories = (
            [] if self.body.get("nodes") == "none" else list(yaml.safe_load_all(CLUSTER.read_text()))
        )
        return [*inventories, *self.body.get("others", ())]


def examples() -> dict[str, Example]:
    """All examples by rule id."""
    paths = sorted(EXAMPLES.glob("*.yaml"))
    return {path.stem: Example(path.stem, yaml.safe_load(path.read_text())) for path in paths}


def problems() -> Iterator[str]:
    """What is missing or wrong in the examples."""
    known_examples = examples()
    for rule in RULES:
        if rule.id not in known_examples:
            path = (EXAMPLES / f"{rule.id}.yaml").relative_to(ROOT)
            form = f"a violation of it ({rule.summary}), in the format that tools/rules.py describes"
            yield f"rule {rule.id} has no example: add {path} with {form}; then `make rules`"
    for name, example in known_examples.items():
        unknown = set(example.body) - {*_FORMS, *_OPTIONS}
        if name not in {rule.id for rule in RULES}:
            yield f"docs/rules/examples/{name}.yaml is not the example of a rule: remove it, or name it after its rule"
        if unknown or sum(form in example.body for form in _FORMS) != 1:
            yield f"docs/rules/examples/{name}.yaml: exactly one of {', '.join(_FORMS)}, and otherwise only {', '.join(_OPTIONS)}"


def validated() -> dict[str, list[Finding]]:
    """The findings for each example, by rule id."""
    known_examples = examples()
    of_files = {name: _linted(each) for name, each in known_examples.items() if "file" in each.body}
    others = {name: each for name, each in known_examples.items() if name not in of_files}
    return {**asyncio.run(_validate_all(others)), **of_files}


def _linted(example: Example) -> list[Finding]:
    """The findings of the linter in the text of a file."""
    report = _Report()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "nets.yaml")
        file.write_text(example.body["file"])
        Linter(NetworkValidator(), report).run([str(file)])
    return [
        dataclasses.replace(each.finding, problem=each.finding.problem.replace(f"{directory}/", ""))
        for each in report.findings
    ]


class _Report(BufferedReport):
    """Keeps the findings."""

    def finish(self, _summary: Summary) -> None:
        """Prints nothing."""


async def _validate_all(named: Mapping[str, Example]) -> dict[str, list[Finding]]:
    findings = {name: await _in_own_cluster(each) for name, each in named.items() if _needs_own_cluster(each)}
    async with known.cluster(yaml.safe_load_all(CLUSTER.read_text())) as (lookup, _):
        validators = Validators(lookup)
        shared = [example for example in named.values() if not _needs_own_cluster(example)]
        findings |= {example.rule: await _validate(validators, example) for example in shared}
        validators.close()
    return findings


def _needs_own_cluster(example: Example) -> bool:
    """Whether the cluster differs from docs/rules/cluster.yaml."""
    return any(key in example.body for key in ("others", "nodes", "unavailable"))


async def _in_own_cluster(example: Example) -> list[Finding]:
    async with known.cluster(example.cluster) as (lookup, server):
        server.away = bool(example.body.get("unavailable"))
        validators = Validators(lookup)
        findings = await _validate(validators, example)
        validators.close()
    return findings


async def _validate(validators: Validators, example: Example) -> list[Finding]:
    body, before = example.object, example.before
    operation = "DELETE" if example.body.get("deleted") else "CREATE" if before is None else "UPDATE"
    metadata = body["metadata"]
    request = {
        "uid": example.rule,
        "operation": operation,
        "kind": {"kind": body["kind"]},
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "object": None if operation == "DELETE" else body,
        "oldObject": before,
        "userInfo": {"username": "kubernetes-admin"},
    }
    admission_review = {"apiVersion": review.API_VERSION, "kind": review.KIND, "request": request}
    decoded = review.decode(json.dumps(admission_review).encode())
    path = _PATHS.get((body["kind"], operation == "DELETE"), "templates")
    answer = await validators.by_kind[path](decoded)
    return list(answer.findings)


def _object(form: Mapping[str, Any], example: Mapping[str, Any]) -> Body:
    """The object for a form, with all its annotations."""
    body = _object_of_form(form, int(example.get("letters", 0)))
    metadata = body.setdefault("metadata", {})
    metadata["annotations"] = {**metadata.get("annotations", {}), **form.get("annotations", {})}
    return body


def _object_of_form(form: Mapping[str, Any], letters: int) -> Body:
    if "config" in form:
        text = form["config"]
        text = text.replace("…", "x" * letters) if isinstance(text, str) else text
        return {
            "kind": "NetworkAttachmentDefinition",
            "metadata": {"namespace": "lab", "name": "net"},
            "spec": {"config": text},
        }
    if "networks" in form:
        annotations = {NETWORKS: form["networks"]}
        metadata = {"namespace": "lab", "name": "web", "annotations": annotations}
        return {"kind": "Pod", "metadata": metadata, "spec": {}}
    if "settings" in form:
        return {
            "kind": "ConfigMap",
            "metadata": {"namespace": cluster_settings.NAMESPACE, "name": cluster_settings.NAME},
            "data": {cluster_settings.KEY: form["settings"]},
        }
    return copy.deepcopy(form["object"])


def page() -> str:
    """The text of docs/rules.md."""
    lines = [_HEAD + _fenced("yaml", CLUSTER.read_text())]
    for title, rules in SECTIONS:
        lines += [f"\n## {title}\n", "| rule | severity | what it finds |", "|---|---|---|"]
        lines += [f"| [{rule.id}](#{rule.id}) | {rule.severity} | {rule.summary} |" for rule in rules]
        for rule in rules:
            lines += [f"\n### {rule.id}\n", *_sections()[rule.id]]
    return "\n".join(lines) + "\n"


def packaged() -> str:
    """The text of the sections by rule, for the command line."""
    texts = {rule: "\n".join(lines) for rule, lines in _sections().items()}
    return json.dumps(texts, indent=1, ensure_ascii=False) + "\n"


@functools.cache
def _sections() -> Mapping[str, Sequence[str]]:
    """The lines of each rule's section, without its title."""
    known_examples, findings = examples(), validated()
    return {rule.id: list(_section(rule, known_examples[rule.id], findings[rule.id])) for rule in RULES}


def _section(rule: Rule, example: Example, findings: Sequence[Finding]) -> Iterator[str]:
    yield f"**{rule.severity}**: {rule.summary}.\n"
    if "why" in example.body:
        yield f"{example.body['why'].strip()}\n"
    yield from _shown(example.body)
    config = example.body.get("config")
    for finding in [each for each in findings if each.rule.id == rule.id]:
        place = path_text(finding.path)
        if finding.offset is not None and isinstance(config, str):
            place += " (line {}, column {})".format(*json_document.position(config, finding.offset))
        severity = "" if finding.effective_severity is rule.severity else f"{finding.effective_severity}: "
        stop = "" if finding.fix.endswith(("?", ".")) else "."
        yield f"> {severity}{_escaped(place)}: {_escaped(finding.problem)}.\n>\n> Fix: {_escaped(finding.fix)}{stop}"


def _shown(body: Mapping[str, Any]) -> Iterator[str]:
    """The example as its author would write it, and the other conditions."""
    for key, language in (("config", "json"), ("settings", "yaml"), ("networks", "text"), ("file", "yaml")):
        if isinstance(body.get(key), str):
            yield f"{_TITLES[key]}{', which is deleted' if body.get('deleted') else ''}:\n"
            yield _fenced(language, body[key]) + "\n"
        elif key in body:
            yield f"A network with this `spec`:\n\n{_fenced('yaml', _dumped({'spec': {key: body[key]}}))}\n"
    if "object" in body:
        yield f"A {body['object']['kind']}:\n\n{_fenced('yaml', _dumped(body['object']))}\n"
    yield from _conditions(body)


def _conditions(body: Mapping[str, Any]) -> Iterator[str]:
    if "annotations" in body:
        yield f"with these annotations:\n\n{_fenced('yaml', _dumped(body['annotations']))}\n"
    if "before" in body:
        yield f"before the change:\n\n{_fenced('json', body['before']['config'])}\n"
    if "letters" in body:
        yield f"with {body['letters']} letters for `…`\n"
    if body.get("nodes") == "none":
        yield "in a cluster without inventories\n"
    if body.get("unavailable"):
        yield "while the API server is unavailable\n"
    if "others" in body:
        yield f"in a cluster that also contains:\n\n{_fenced('yaml', yaml.dump_all(map(_literal, body['others']), **_YAML))}\n"


class _Literal(str):
    """A string of several lines, written as a block scalar."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """A dumper that supports block scalars."""


_Dumper.add_representer(
    _Literal, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
)


def _literal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _literal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_literal(inner) for inner in value]
    return _Literal(value) if isinstance(value, str) and "\n" in value else value


_TITLES = {
    "config": "A network with this configuration",
    "settings": "Settings",
    "networks": "A pod that requests",
    "file": "A file",
}
_YAML: dict[str, Any] = {"Dumper": _Dumper, "sort_keys": False, "allow_unicode": True, "width": 120}


def _dumped(value: Any) -> str:
    return str(yaml.dump(_literal(value), **_YAML))


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.strip()}\n```"


def _escaped(text: str) -> str:
    """The text with the special characters of Markdown escaped, except in backquotes."""
    parts = text.replace("\n", " ").split("`")
    for index in range(0, len(parts), 2):
        parts[index] = parts[index].replace("*", r"\*").replace("<", r"\<").replace("_", r"\_")
    return "`".join(parts)


def main() -> int:
    missing = list(problems())
    if missing:
        sys.stderr.write("\n".join([*missing, ""]))
        return 1
    PAGE.write_text(page())
    PACKAGED.write_text(packaged())
    return 0


if __name__ == "__main__":
    sys.exit(main())
