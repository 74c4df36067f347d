"""docs/tutorial.md, step by step: each command is run and prints what the page shows.

NETATTACH_WRITE_TUTORIAL=1 writes the real output into the page.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from e2e.lab import places
from e2e.lab.cluster import Cluster
from support import require

PAGE = require.REPOSITORY / "docs" / "tutorial.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
INSTALLS = "kubectl apply -k deploy/"
PROMPT = re.compile(r"^(\$|node[12]#) (.*)$")

# What differs from run to run.
MASKS = (
    (re.compile(r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b"), "MAC"),
    (re.compile(r"\b10\.244\.\d+\.\d+"), "POD-ADDRESS"),
    (re.compile(r"\b10\.0\.3\.14[01]\b"), "NET1-ADDRESS"),  # which of the two pods comes first
    (re.compile(r"fe80::[0-9a-f:]+"), "LINK-LOCAL"),
    (re.compile(r"\b\d+[smhd](\d+[smh])*\b"), "AGE"),
    (re.compile(r"(operator|webhooks)-[0-9a-f]+-[0-9a-z]{5}\b|daemon-[0-9a-z]{5}\b"), r"\1-POD"),
    (re.compile(r"time=[0-9.]+ ms|min/avg/max = [0-9./]+ ms"), "TIME"),
    (re.compile(r"(?m)^(\d+: \w+)(@if\d+)?"), r"\1"),
    (re.compile(r"^\d+: ", re.MULTILINE), "N: "),
    (re.compile(r"Waiting for .*\n"), ""),
    (re.compile(r"[ \t]+"), " "),
)


@dataclass
class Step:
    """A command and what it prints."""

    prompt: str
    command: str
    output: str

    def __str__(self) -> str:
        return f"{self.prompt} {self.command}\n{self.output}"


def steps(block: str) -> Iterator[Step]:
    """The commands of a block; the lines up to the next prompt are what the last one prints."""
    step: Step | None = None
    for line in block.splitlines(keepends=True):
        prompt = PROMPT.match(line.rstrip("\n"))
        if prompt:
            if step:
                yield step
            step = Step(prompt[1], prompt[2], "")
        elif step:
            step.output += line
    if step:
        yield step


def masked(text: str) -> str:
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text


def run_timed(cluster: Cluster, step: Step) -> str:
    """Like `run`; measures the time from `kubectl apply` to the last `rollout status`."""
    if step.command.startswith(INSTALLS):
        cluster.begin_install()
    output = run(cluster, step)
    if "rollout status" in step.command:
        cluster.end_install()
    return output


def run(cluster: Cluster, step: Step) -> str:
    """What a terminal would show: both streams, in order."""
    if step.prompt != "$":
        return cluster.node(step.prompt.rstrip("#")).sh(step.command)
    environment = os.environ | {
        "KUBECONFIG": str(places.KUBECONFIG),
        "PATH": f"{places.binaries()}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-c", step.command],
        cwd=require.REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=180,
    )
    return done.stdout if done.stdout.endswith("\n") or not done.stdout else done.stdout + "\n"


@pytest.fixture
def bare(loaded: Cluster) -> Iterator[Cluster]:
    """The image is on the nodes and nothing of ours is installed, as before the first step."""
    if loaded.installed:
        loaded.kubectl("delete", "pods,network-attachment-definitions", "--all")
        loaded.uninstall()
    loaded.kubectl("delete", "events", "--all")
    loaded.node("node2").sh(
        "rm -rf /var/lib/cni/networks/ipvlan-def"
    )  # host-local continues after its last address
    yield loaded
    words = ("delete", "--ignore-not-found", "-f", require.REPOSITORY / "docs/tutorial/pods.yaml")
    loaded.kubectl(*words, check=False)
    loaded.kubectl("delete", "network-attachment-definitions", "--all", check=False)


def test_the_tutorial_is_what_happens(bare: Cluster) -> None:
    page = PAGE.read_text()
    written, differences = page, []
    for block in BLOCK.findall(page):
        real = []
        for step in steps(block):
            output = run_timed(bare, step)
            if masked(output) != masked(step.output):
                differences.append(
                    f"{step.prompt} {step.command}\n-- the page:\n{step.output}-- the real output:\n{output}"
                )
            real.append(Step(step.prompt, step.command, output))
        written = written.replace(f"```console\n{block}```", f"```console\n{''.join(map(str, real))}```")
    if os.environ.get("NETATTACH_WRITE_TUTORIAL"):
        PAGE.write_text(written)
        return

    assert not differences, "\n".join(differences)
