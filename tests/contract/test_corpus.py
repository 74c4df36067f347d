"""The validator against real NADs, in the words of their authors: no false denial, and no missed certain failure.

The corpus stands beside the repository, at ../shared/corpus, or where NETATTACH_CORPUS says. Each file's header tells what is
to be expected, and what the nodes have.
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

from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation.validator import validate

REPOSITORY = Path(__file__).resolve().parents[2]
GIVEN = os.environ.get("NETATTACH_CORPUS", "")
CORPUS = Path(GIVEN) if GIVEN else REPOSITORY.parent / "shared" / "corpus"
FILES = 229

NOT_FOUND_YET: set[str] = set()
"""Files of class hard that the validator does not refuse yet. It may only shrink."""

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
"""The reference plugins, which `plugins=standard` in a header means."""

LARGE_MTU = 65535
"""The headers do not speak of MTUs, so none of them is too large."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """One file: its header and its object."""

    file: str
    header: dict[str, str]
    body: dict[str, Any]

    @property
    def kind(self) -> str:
        """valid, or the class of what is wrong."""
        return self.header.get("class", "valid").split()[0] if self.header["expect"] == "reject" else "valid"

    def findings(self) -> list[Finding]:
        return validate(self.body, [inventory(self.header)])

    def denied(self) -> list[Finding]:
        return [finding for finding in self.findings() if finding.weight is Severity.DENY]


def inventory(header: dict[str, str]) -> NodeInventory:
    """The node that a file's header describes: its facts first, else all that the NAD needs."""
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
            pytest.fail(f"no corpus at {CORPUS}, and CI is where it has to be")
        pytest.skip(f"no corpus of real NADs at {CORPUS}")
    return [read(path) for folder in ("valid", "invalid") for path in sorted((CORPUS / folder).iterdir())]


def of(corpus: list[Sample], kind: str) -> Iterator[Sample]:
    return (sample for sample in corpus if sample.kind == kind and "ambiguous" not in sample.header)


def test_the_whole_corpus_was_seen(corpus: list[Sample]) -> None:
    """A corpus that is not there must not look like one in which nothing is wrong."""
    counted = collections.Counter(sample.header["expect"] for sample in corpus)

    assert {"admit", "reject"} == set(counted)
    if not GIVEN:
        assert FILES == len(corpus)


def test_no_valid_nad_is_denied(corpus: list[Sample]) -> None:
    """A false denial stops somebody's work; there is none, with the node that the NAD needs and without any."""
    denied = {
        sample.file: [
            f"{f.rule.id}: {f.problem}" for f in validate(sample.body, nodes) if f.weight is Severity.DENY
        ]
        for sample in of(corpus, "valid")
        for nodes in (None, [inventory(sample.header)])
    }

    assert {} == {file: findings for file, findings in denied.items() if findings}


def test_every_nad_that_fails_on_any_node_is_denied(corpus: list[Sample]) -> None:
    """Also when nothing is known of the nodes, as in `netattach lint`."""
    hard = list(of(corpus, "hard"))
    missed = {s.file for s in hard if not any(f.weight is Severity.DENY for f in validate(s.body, None))}

    assert len(hard) - len(missed) >= min(25, len(hard))
    assert NOT_FOUND_YET == missed


def test_every_nad_that_fails_on_its_node_is_denied(corpus: list[Sample]) -> None:
    """The interface or the plugin is not there, or is the node's own."""
    assert [] == [sample.file for sample in of(corpus, "node") if not sample.denied()]


def test_every_nad_that_does_not_do_what_it_says_is_warned_of(corpus: list[Sample]) -> None:
    """Warned of and not denied, since it runs."""
    soft = list(of(corpus, "soft"))

    assert [] == [sample.file for sample in soft if not sample.findings()]
    assert [] == [sample.file for sample in soft if sample.denied()]


def test_duplicate_keys_that_a_header_speaks_of_are_warned_of(corpus: list[Sample]) -> None:
    """`# warn:` says that a warning is welcome."""
    assert [] == [sample.file for sample in corpus if "warn" in sample.header and not sample.findings()]


def test_a_finding_says_what_to_do(corpus: list[Sample]) -> None:
    """Both sentences are there, and none is jsonschema's own."""
    findings = [finding for sample in corpus for finding in sample.findings()]

    assert [] == [f for f in findings if not f.problem or not f.fix]
    assert [] == [
        f.problem for f in findings if "is not as it should be" in f.problem or "is not valid" in f.problem
    ]


def test_the_corpus_is_validated_in_three_seconds(
    corpus: list[Sample], capsys: pytest.CaptureFixture[str]
) -> None:
    """And the table of verdicts, for whoever runs this by hand."""
    start = time.process_time()
    verdicts = collections.Counter((sample.kind, verdict(sample.findings())) for sample in corpus)
    seconds = time.process_time() - start
    rows = [f"{len(corpus)} NADs in {seconds:.2f} s", f"{'':8}{'denied':>8}{'warned':>8}{'silent':>8}"]
    rows += [
        f"{kind:8}" + "".join(f"{verdicts[kind, word]:8}" for word in ("denied", "warned", "silent"))
        for kind in ("valid", "soft", "node", "hard")
    ]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(rows) + "\n")

    assert seconds < 3


def verdict(findings: list[Finding]) -> str:
    if any(finding.weight is Severity.DENY for finding in findings):
        return "denied"
    return "warned" if findings else "silent"
