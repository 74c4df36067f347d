"""The validator against real NADs as their authors wrote them: no wrong denial, and no certain failure that is missed.

The corpus is next to the repository, at ../shared/corpus, or at the path in NETATTACH_CORPUS. Each file's header has the expected
result and the facts about the nodes.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from netattach_core.api import nad
from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin
from netattach_core.policy import networks
from netattach_core.policy.case import Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation.validator import validate

REPOSITORY = Path(__file__).resolve().parents[2]
GIVEN = os.environ.get("NETATTACH_CORPUS", "")
CORPUS = Path(GIVEN) if GIVEN else REPOSITORY.parent / "shared" / "corpus"
FILES = 229
VALID = 175

KNOWN_MISSES: set[str] = set()
"""Files of class hard that the validator does not deny yet. It may only shrink."""

STANDARD = [
    "bandwidth",
    "bridge",
    "dhcp",
    "dummy",
    "firewall",
    "host-device",
    "host-local",
    "ipvlan",
    "loopback",
    "macvlan",
    "portmap",
    "ptp",
    "sbr",
    "static",
    "tap",
    "tuning",
    "vlan",
    "vrf",
]
"""The reference plugins: `plugins=standard` in a header."""

LARGE_MTU = 65535
"""The headers have no MTUs of interfaces, so none may be too small."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """One file: its header and its object."""

    file: str
    header: dict[str, str]
    body: dict[str, Any]

    @property
    def kind(self) -> str:
        """`valid`, or the class of the mistake."""
        return self.header.get("class", "valid").split()[0] if self.header["expect"] == "reject" else "valid"

    def findings(self) -> list[Finding]:
        return validate(self.body, [inventory(self.header)])

    def denials(self) -> list[Finding]:
        return [finding for finding in self.findings() if finding.effective_severity is Severity.DENY]


def inventory(header: dict[str, str]) -> NodeInventory:
    """The node that a file's header describes; without facts, a node with everything that the NAD needs."""
    facts = dict(part.split("=", 1) for part in header.get("node-facts", "").split())
    needed = [
        name
        for key in ("needs-master", "needs-device", "needs-bridge")
        for name in header.get(key, "").split(",")
        if name
    ]
    names = (
        facts["interfaces"].split(",") if "interfaces" in facts else [*needed, *(["lo"] if needed else [])]
    )
    plugins = facts["plugins"].split(",") if "plugins" in facts else header.get("needs-plugin", "").split(",")
    if plugins == ["standard"]:
        plugins = STANDARD
    default = facts.get("default-interface")
    reasons = ("carries the IPv4 default route",)
    return NodeInventory(
        node="worker-1",
        interfaces=tuple(Interface(name, mtu=LARGE_MTU) for name in names),
        default_interfaces=(DefaultInterface(default, reasons),) if default else (),
        plugins=tuple(Plugin(name) for name in plugins if name),
    )


def read(path: Path) -> Sample:
    text = path.read_text()
    lines = [line[2:].split(":", 1) for line in text.splitlines() if line.startswith("# ") and ":" in line]
    header: dict[str, str] = {}
    for key, value in lines:
        header.setdefault(key.strip(), value.strip())
    (body,) = (document for document in yaml.safe_load_all(text) if document)
    return Sample(path.name, header, body)


@pytest.fixture(scope="module")
def corpus() -> list[Sample]:
    if not CORPUS.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"no corpus at {CORPUS}, and CI requires one")
        pytest.skip(f"no corpus of real NADs at {CORPUS}")
    return [read(path) for folder in ("valid", "invalid") for path in sorted((CORPUS / folder).iterdir())]


def of(corpus: list[Sample], kind: str) -> Iterator[Sample]:
    return (sample for sample in corpus if sample.kind == kind and "ambiguous" not in sample.header)


def test_the_corpus_is_complete(corpus: list[Sample]) -> None:
    """A missing corpus must not look like one without findings."""
    counted = collections.Counter(sample.header["expect"] for sample in corpus)

    assert {"admit", "reject"} == set(counted)
    if not GIVEN:
        assert FILES == len(corpus)


def test_no_valid_nad_is_denied(corpus: list[Sample]) -> None:
    """Neither with the node that the NAD needs nor without inventories: a wrong denial stops somebody's work."""
    denied = {
        sample.file: [
            f"{f.rule.id}: {f.problem}"
            for f in validate(sample.body, nodes)
            if f.effective_severity is Severity.DENY
        ]
        for sample in of(corpus, "valid")
        for nodes in (None, [inventory(sample.header)])
    }

    assert {} == {file: findings for file, findings in denied.items() if findings}


def test_baseline_refuses_no_valid_nad(corpus: list[Sample]) -> None:
    """A tenant's namespace has this level by default, so that its authors must be able to write what others write."""
    policy = NamespacePolicy("lab", enforce=Level.BASELINE)
    valid = [sample for sample in corpus if sample.header["expect"] == "admit"]
    refused = {
        sample.file: [f"{finding.rule.id}: {finding.problem}" for finding in findings]
        for sample in valid
        for around in (Surroundings(), Surroundings(nodes=[inventory(sample.header)]))
        if (findings := networks.check(nad.from_body(sample.body), policy, around))
    }

    assert {} == refused
    if not GIVEN:
        assert VALID == len(valid)


def test_every_nad_that_fails_on_any_node_is_denied(corpus: list[Sample]) -> None:
    """Without inventories too, as in `netattach lint`."""
    hard = list(of(corpus, "hard"))
    missed = {
        s.file for s in hard if not any(f.effective_severity is Severity.DENY for f in validate(s.body, None))
    }

    assert len(hard) - len(missed) >= min(25, len(hard))
    assert KNOWN_MISSES == missed


def test_every_nad_that_fails_on_its_node_is_denied(corpus: list[Sample]) -> None:
    """The interface or the plugin does not exist there, or the interface carries the node's own traffic."""
    assert [] == [sample.file for sample in of(corpus, "node") if not sample.denials()]


def test_every_nad_that_works_otherwise_than_intended_has_a_warning(corpus: list[Sample]) -> None:
    """A warning and no denial, since pods can be attached."""
    soft = list(of(corpus, "soft"))

    assert [] == [sample.file for sample in soft if not sample.findings()]
    assert [] == [sample.file for sample in soft if sample.denials()]


def test_every_nad_whose_header_expects_a_warning_has_one(corpus: list[Sample]) -> None:
    """`# warn:` in a header."""
    assert [] == [sample.file for sample in corpus if "warn" in sample.header and not sample.findings()]


WARNED_FILES, WARNED_BY_ONE_RULE = 0.20, 0.10
"""Shares of the valid NADs: a warning that most people skip hides the one that matters (decision 39)."""


@pytest.mark.parametrize("with_nodes", [False, True], ids=["without inventories", "with its node"])
def test_few_valid_nads_have_a_warning(corpus: list[Sample], with_nodes: bool) -> None:  # noqa: FBT001  # by pytest
    """And no rule warns of many: what is usual is advice."""
    valid = list(of(corpus, "valid"))
    by_rule = collections.Counter[str]()
    warned = 0
    for sample in valid:
        findings = validate(sample.body, [inventory(sample.header)] if with_nodes else None)
        rules = {each.rule.id for each in findings if each.effective_severity is Severity.WARN}
        warned += bool(rules)
        by_rule.update(rules)

    assert warned < WARNED_FILES * len(valid), by_rule
    assert {} == {rule: count for rule, count in by_rule.items() if count > WARNED_BY_ONE_RULE * len(valid)}


def test_a_warning_about_leases_appears_where_two_nodes_have_the_interface(corpus: list[Sample]) -> None:
    """It is not lost for those to whom it is true."""
    across = [each for each in of(corpus, "valid") if _warns_of_leases(each, 2)]

    assert 15 <= len(across)
    assert [] == [each.file for each in across if _warns_of_leases(each, 1)]


def _warns_of_leases(sample: Sample, nodes: int) -> bool:
    node = inventory(sample.header)
    inventories = [dataclasses.replace(node, node=f"worker-{number}") for number in range(nodes)]
    return any(
        each.rule.id == "leases-per-node" and each.effective_severity is Severity.WARN
        for each in validate(sample.body, inventories)
    )


def test_every_finding_has_a_problem_and_a_fix(corpus: list[Sample]) -> None:
    """None of them is a message of jsonschema."""
    findings = [finding for sample in corpus for finding in sample.findings()]

    assert [] == [f for f in findings if not f.problem or not f.fix]
    assert [] == [f.problem for f in findings if "is not valid: " in f.problem]


def test_the_corpus_is_validated_fast(corpus: list[Sample], capsys: pytest.CaptureFixture[str]) -> None:
    """Prints the number of NADs by class and result, and the time."""
    start = time.process_time()
    results = collections.Counter((sample.kind, result(sample.findings())) for sample in corpus)
    seconds = time.process_time() - start
    rows = [f"{len(corpus)} NADs in {seconds:.2f} s", f"{'':8}{'denied':>8}{'warned':>8}{'silent':>8}"]
    rows += [
        f"{kind:8}" + "".join(f"{results[kind, word]:8}" for word in ("denied", "warned", "silent"))
        for kind in ("valid", "soft", "node", "hard")
    ]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(rows) + "\n")

    assert seconds < 20


def result(findings: list[Finding]) -> str:
    if any(finding.effective_severity is Severity.DENY for finding in findings):
        return "denied"
    return "warned" if findings else "silent"
