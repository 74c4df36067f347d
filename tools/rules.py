"""Writes docs/rules.md: each rule of the validator with an example that breaks it, and what the validator really says of that.

    make rules      # or NETATTACH_WRITE_RULES=1 pytest tests/unit/test_rules_page.py

The examples are docs/rules/examples/RULE.yaml, validated by the webhooks' own code in the cluster of docs/rules/cluster.yaml.
One of these says what is validated:

    config: |          the text of a NetworkAttachmentDefinition lab/net
    networks: …        the annotation of a pod lab/web that asks for networks
    settings: |        the text of the cluster's settings
    validated: {…}        any other object, whole

and these, where they are needed, say the rest:

    why: …             a sentence or two on what happens, where the validator's words are not enough
    annotations: {…}   of the object, besides
    beside: […]        objects in the cluster, besides
    nodes: none        no node has reported
    before: …          the object is changed, and was this; of the same form as what is validated
    deleted: true      it is deleted
    away: true         the API server cannot be asked
    letters: 40000     so many letters stand where the text has …
"""

# A script, no package:
# ruff: noqa: INP001

from __future__ import annotations

import asyncio
import copy
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fuzz import known
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
CLUSTER = ROOT / "docs/rules/cluster.yaml"
EXAMPLES = ROOT / "docs/rules/examples"

SECTIONS: Sequence[tuple[str, Sequence[Rule]]] = (
    ("Networks", validator.RULES),
    ("Admission: networks in use, pods, templates, settings", admission.RULES),
)
RULES = tuple(rule for _, rules in SECTIONS for rule in rules)

_FORMS = ("config", "networks", "settings", "validated")
_MORE = ("why", "annotations", "beside", "nodes", "before", "deleted", "away", "letters")
_PATHS = {
    ("NetworkAttachmentDefinition", False): "nads",
    ("NetworkAttachmentDefinition", True): "deletions",
    ("Pod", False): "pods",
    ("ConfigMap", False): "config",
}
"""Where a kind is sent, and where if it is deleted; all others make pods, and are templates."""

_HEAD = """\
# Rules

What `netattach lint`, the webhooks and the operator look for. `deny`: the object is refused; `warn`: kubectl prints a warning.
The name of a rule is stable: cite it, search for it, or change its severity in the cluster's settings. Each example breaks its
rule; below it is the validator's finding, with the path and the fix. A finding can weigh less than its rule where failure is not
certain.

This page is written by `make rules` from the rules themselves and from [rules/examples](rules/examples); a test holds it to them.

All examples are validated in a cluster of which this is known:

"""


@dataclass(frozen=True)
class Example:
    """One file."""

    rule: str
    body: Mapping[str, Any]

    @property
    def validated(self) -> Body:
        return _object(self.body, self.body)

    @property
    def before(self) -> Body | None:
        if "before" not in self.body:
            return self.validated if self.body.get("deleted") else None
        return _object(self.body["before"], self.body)

    @property
    def cluster(self) -> list[Body]:
        standing = [] if self.body.get("nodes") == "none" else list(yaml.safe_load_all(CLUSTER.read_text()))
        return [*standing, *self.body.get("beside", ())]


def examples() -> dict[str, Example]:
    """By rule."""
    paths = sorted(EXAMPLES.glob("*.yaml"))
    return {path.stem: Example(path.stem, yaml.safe_load(path.read_text())) for path in paths}


def problems() -> Iterator[str]:
    """What has to be done before the page can be written."""
    there = examples()
    for rule in RULES:
        if rule.id not in there:
            path = (EXAMPLES / f"{rule.id}.yaml").relative_to(ROOT)
            form = f"what breaks it ({rule.summary}), in the form that tools/rules.py tells"
            yield f"rule {rule.id} has no example: add {path} with {form}; then `make rules`"
    for name, example in there.items():
        unknown = set(example.body) - {*_FORMS, *_MORE}
        if name not in {rule.id for rule in RULES}:
            yield f"docs/rules/examples/{name}.yaml is an example of no rule: remove it, or name it after its rule"
        if unknown or sum(form in example.body for form in _FORMS) != 1:
            yield f"docs/rules/examples/{name}.yaml: one of {', '.join(_FORMS)}, and of the rest only {', '.join(_MORE)}"


def validated() -> dict[str, list[Finding]]:
    """What is said of each example, by the rule that it is of."""
    return asyncio.run(_validated(examples()))


async def _validated(there: Mapping[str, Example]) -> dict[str, list[Finding]]:
    said = {name: await _of(example) for name, example in there.items() if _is_own(example)}
    async with known.cluster(yaml.safe_load_all(CLUSTER.read_text())) as (lookup, _):
        validators = Validators(lookup)
        shared = [example for example in there.values() if not _is_own(example)]
        said |= {example.rule: await _ask(validators, example) for example in shared}
        validators.close()
    return said


def _is_own(example: Example) -> bool:
    """Whether it needs a cluster of its own."""
    return any(key in example.body for key in ("beside", "nodes", "away"))


async def _of(example: Example) -> list[Finding]:
    async with known.cluster(example.cluster) as (lookup, server):
        server.away = bool(example.body.get("away"))
        validators = Validators(lookup)
        findings = await _ask(validators, example)
        validators.close()
    return findings


async def _ask(validators: Validators, example: Example) -> list[Finding]:
    body, before = example.validated, example.before
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
    whole = {"apiVersion": review.API_VERSION, "kind": review.KIND, "request": request}
    asked = review.decode(json.dumps(whole).encode())
    path = _PATHS.get((body["kind"], operation == "DELETE"), "templates")
    answer = await validators.kinds[path](asked)
    return list(answer.findings)


def _object(form: Mapping[str, Any], example: Mapping[str, Any]) -> Body:
    """The object that is validated."""
    body = _plain_object(form, int(example.get("letters", 0)))
    metadata = body.setdefault("metadata", {})
    metadata["annotations"] = {**metadata.get("annotations", {}), **form.get("annotations", {})}
    return body


def _plain_object(form: Mapping[str, Any], letters: int) -> Body:
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
    return copy.deepcopy(form["validated"])


def page() -> str:
    """The whole page."""
    there, said = examples(), validated()
    lines = [_HEAD + _fenced("yaml", CLUSTER.read_text())]
    for title, rules in SECTIONS:
        lines += [f"\n## {title}\n", "| rule | severity | what it finds |", "|---|---|---|"]
        lines += [f"| [{rule.id}](#{rule.id}) | {rule.severity} | {rule.summary} |" for rule in rules]
        for rule in rules:
            lines += _section(rule, there[rule.id], said[rule.id])
    return "\n".join(lines) + "\n"


def _section(rule: Rule, example: Example, said: Sequence[Finding]) -> Iterator[str]:
    yield f"\n### {rule.id}\n"
    yield f"**{rule.severity}**: {rule.summary}.\n"
    if "why" in example.body:
        yield f"{example.body['why'].strip()}\n"
    yield from _shown(example.body)
    config = example.body.get("config")
    for finding in [each for each in said if each.rule.id == rule.id]:
        place = path_text(finding.path)
        if finding.offset is not None and isinstance(config, str):
            place += " (line {}, column {})".format(*json_document.position(config, finding.offset))
        weight = "" if finding.effective_severity is rule.severity else f"{finding.effective_severity}: "
        stop = "" if finding.fix.endswith(("?", ".")) else "."
        yield f"> {weight}{_escaped(place)}: {_escaped(finding.problem)}.\n>\n> Fix: {_escaped(finding.fix)}{stop}"


def _shown(body: Mapping[str, Any]) -> Iterator[str]:
    """The example, as its author would write it, and what else has to be so."""
    for key, language in (("config", "json"), ("settings", "yaml"), ("networks", "text")):
        if isinstance(body.get(key), str):
            yield f"{_TITLES[key]}{', which is deleted' if body.get('deleted') else ''}:\n"
            yield _fenced(language, body[key]) + "\n"
        elif key in body:
            yield f"A network that is written so:\n\n{_fenced('yaml', _dumped({'spec': {key: body[key]}}))}\n"
    if "validated" in body:
        yield f"A {body['validated']['kind']}:\n\n{_fenced('yaml', _dumped(body['validated']))}\n"
    yield from _besides(body)


def _besides(body: Mapping[str, Any]) -> Iterator[str]:
    if "annotations" in body:
        yield f"with these annotations:\n\n{_fenced('yaml', _dumped(body['annotations']))}\n"
    if "before" in body:
        yield f"which was before:\n\n{_fenced('json', body['before']['config'])}\n"
    if "letters" in body:
        yield f"with {body['letters']} letters in place of `…`\n"
    if body.get("nodes") == "none":
        yield "in a cluster of which no node has reported\n"
    if body.get("away"):
        yield "while the API server cannot be asked\n"
    if "beside" in body:
        yield f"in a cluster that also holds:\n\n{_fenced('yaml', yaml.dump_all(map(_literal, body['beside']), **_YAML))}\n"


class _Literal(str):
    """A text of several lines, to be written as one."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes those as people do, with a bar."""


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
    "networks": "A pod that asks for",
}
_YAML: dict[str, Any] = {"Dumper": _Dumper, "sort_keys": False, "allow_unicode": True, "width": 120}


def _dumped(value: Any) -> str:
    return str(yaml.dump(_literal(value), **_YAML))


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.strip()}\n```"


def _escaped(text: str) -> str:
    """What Markdown would take for its own, outside of backquotes."""
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
