"""`netattach lint` and the webhooks say the same of the same object, under the same settings: what passes CI is admitted."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract.test_corpus import CORPUS, STANDARD
from fuzz import known
from netattach_cli.lint import namespace_policies
from netattach_cli.lint.linter import Linter
from netattach_cli.lint.namespace_policies import Namespaces
from netattach_cli.lint.network_validator import NetworkValidator
from netattach_cli.lint.report import BufferedReport, Summary
from netattach_core.api import inventory
from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin
from netattach_kube import cluster_settings
from netattach_webhooks import review
from netattach_webhooks.validators import Validators
from support import require

Body = dict[str, Any]
Said = tuple[str, str, str, str]
"""Rule, severity, problem and fix."""

EXAMPLES = require.REPOSITORY / "docs/rules/examples"
NODE = NodeInventory(
    "worker-1",
    tuple(Interface(name, mtu=65535) for name in ("lo", "eth0", "eth1", "eno1")),
    (DefaultInterface("eth0", ("carries the IPv4 default route",)),),
    tuple(Plugin(name) for name in STANDARD),
)
SETTINGS = {
    "defaults": "",
    "severities": "validation: {severities: {cni-version-missing: deny, schema: warn, key-unknown: off}}",
    "warnings": "validation: {mode: warn}\npolicy: {mode: warn}",
    "exemptions": "validation: {exemptions: [{namespaces: ['*'], rules: [plugin-missing, schema], severity: off}]}",
    "strict": "policy: {default: restricted, restricted: {plugins: [macvlan], masters: [eth1]}}\nnamespaceIsolation: true",
    "networks": "clusterNetworks: {pods: [10.0.0.0/8], services: [192.168.0.0/16]}\ndefaultNetworks: [lan]",
}

ONLY_IN_A_CLUSTER = {
    "inventory-missing",
    "pod-no-node",
    "pod-unknown-network",
    "pod-uncertain-network",
    "changed-in-use",
}
"""Rules that need what only a cluster knows."""

ONLY_IN_FILES = {"nad-twice"}
AS_WARNING = {"pod-device-missing", "pod-capacity"}
"""Rules whose severity in files is lower, or that need the number of nodes."""


class _Report(BufferedReport):
    """Keeps the findings."""

    def finish(self, _summary: Summary) -> None:
        """Prints nothing."""


def of_linter(file: Path, objects: Sequence[Body], text: str, nodes: Sequence[NodeInventory]) -> set[Said]:
    """What the linter says of the first object of a file."""
    file.write_text("\n---\n".join(json.dumps(each, default=str) for each in objects))
    settings = namespace_policies.settings_of("settings", text)
    report = _Report()
    networks = NetworkValidator(list(nodes) or None, Namespaces(settings))
    Linter(networks, report, advice=True).run([str(file)])
    kind, name = objects[0]["kind"], objects[0]["metadata"].get("name")
    own = [each for each in report.findings if (each.manifest.kind, each.manifest.name) == (kind, name or "")]
    return {
        (f.rule.id, f.effective_severity.value, f.problem, f.fix)
        for f in (each.finding for each in own)
        if f.rule.id not in ONLY_IN_FILES
    }


async def of_webhooks(validators: Validators, body: Body) -> set[Said]:
    """What the webhook for its kind says of an object."""
    metadata = body["metadata"]
    request = {
        "uid": "u",
        "operation": "CREATE",
        "kind": {"kind": body["kind"]},
        "namespace": metadata.get("namespace") or "default",
        "name": metadata.get("name") or "",
        "object": body,
        "oldObject": None,
    }
    whole = {"apiVersion": review.API_VERSION, "kind": review.KIND, "request": request}
    path = {"NetworkAttachmentDefinition": "nads", "Pod": "pods"}.get(body["kind"], "templates")
    found = (await validators.by_kind[path](review.decode(json.dumps(whole, default=str).encode()))).findings
    return {
        (each.rule.id, each.effective_severity.value, each.problem, each.fix)
        for each in found
        if each.rule.id not in ONLY_IN_A_CLUSTER
    }


def cluster(text: str, nodes: Sequence[NodeInventory], others: Sequence[Body] = ()) -> list[Body]:
    """The objects of a cluster with these settings."""
    metadata = {"name": cluster_settings.NAME, "namespace": cluster_settings.NAMESPACE}
    config_map = {"kind": "ConfigMap", "metadata": metadata, "data": {cluster_settings.KEY: text}}
    bodies = [
        {"kind": "NodeNetworkInventory", "metadata": {"name": each.node}, "status": inventory.to_dict(each)}
        for each in nodes
    ]
    return [config_map, *bodies, *others]


@functools.cache
def corpus() -> dict[str, Body]:
    paths = sorted(path for folder in ("valid", "invalid") for path in (CORPUS / folder).iterdir())
    return {path.name: next(body for body in yaml.safe_load_all(path.read_text()) if body) for path in paths}


@pytest.mark.parametrize(("settings", "nodes"), [("defaults", ()), *((each, (NODE,)) for each in SETTINGS)])
def test_networks(tmp_path: Path, settings: str, nodes: Sequence[NodeInventory]) -> None:
    """Each network of the corpus of real ones."""
    if not CORPUS.is_dir():
        require.left_out(f"no corpus of real NADs at {CORPUS}")
    text, bodies = SETTINGS[settings], corpus()

    async def all_webhooks() -> dict[str, set[Said]]:
        async with known.cluster(cluster(text, nodes)) as (cache, _):
            validators = Validators(cache)
            found = {name: await of_webhooks(validators, body) for name, body in bodies.items()}
            validators.close()
        return found

    at_admission = asyncio.run(all_webhooks())
    in_files = {name: of_linter(tmp_path / name, [body], text, nodes) for name, body in bodies.items()}

    assert len(bodies) > 200
    assert any(at_admission.values())
    assert {} == differences(at_admission, in_files)


def differences(
    at_admission: Mapping[str, set[Said]], in_files: Mapping[str, set[Said]]
) -> dict[str, list[Said]]:
    return {
        name: sorted(said ^ in_files[name]) for name, said in at_admission.items() if said != in_files[name]
    }


def pods() -> dict[str, tuple[Body, list[Body]]]:
    """The pods and templates of the rules' examples, each with the other objects of its cluster."""
    found = {}
    for path in sorted(EXAMPLES.glob("*.yaml")):
        example = yaml.safe_load(path.read_text())
        body = example.get("object")
        if "networks" in example:
            annotations = {"k8s.v1.cni.cncf.io/networks": example["networks"]}
            metadata = {"namespace": "lab", "name": "web", "annotations": annotations}
            body = {"kind": "Pod", "metadata": metadata, "spec": {}}
        if (
            body
            and body["kind"] not in ("NetworkAttachmentDefinition", "ConfigMap")
            and "before" not in example
        ):
            body["metadata"].setdefault("annotations", {}).update(example.get("annotations", {}))
            found[path.stem] = (body, example.get("others", []))
    return found


@pytest.mark.parametrize("name", pods())
def test_pods(tmp_path: Path, name: str) -> None:
    """Those of all rules about pods; of a template, the webhooks only warn."""
    body, others = pods()[name]
    networks = [each for each in others if each["kind"] == "NetworkAttachmentDefinition"]
    text = next((each["data"][cluster_settings.KEY] for each in others if each["kind"] == "ConfigMap"), "")
    rest = [each for each in others if each["kind"] != "ConfigMap"]

    async def webhook() -> set[Said]:
        async with known.cluster(cluster(text, [NODE], rest)) as (cache, _):
            validators = Validators(cache)
            found = await of_webhooks(validators, body)
            validators.close()
        return found

    namespaces = [each for each in rest if each["kind"] == "Namespace"]
    in_file = of_linter(tmp_path / "a.yaml", [body, *networks, *namespaces], text, [NODE])

    assert lowered(asyncio.run(webhook()), body) == lowered(in_file, body)


def lowered(said: set[Said], body: Body) -> set[Said]:
    """With warnings for denials where one of both only warns."""
    return {
        (rule, "warn" if body["kind"] != "Pod" or rule in AS_WARNING else severity, problem, fix)
        for rule, severity, problem, fix in said
    }
