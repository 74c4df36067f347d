"""Runs the commands of a page as a reader does, and hides in their output what differs from run to run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from e2e.lab import places
from e2e.lab.cluster import Cluster
from support import pages, require

MASKS = (
    (re.compile(r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b"), "MAC"),
    (re.compile(r"\b10\.244\.\d+\.\d+"), "POD-ADDRESS"),
    (
        re.compile(r"\b(10\.0\.3\.(14|2|5)|fd00:3::5)[01]\b"),
        "NET1-ADDRESS",
    ),  # which of the two pods comes first
    (re.compile(r"fe80::[0-9a-f:]+"), "LINK-LOCAL"),
    (re.compile(r"\b\d+[smhd](\d+[smh])*\b"), "AGE"),
    (re.compile(r"(operator|webhooks)-[0-9a-f]+-[0-9a-z]{5}\b|daemon-[0-9a-z]{5}\b"), r"\1-POD"),
    (re.compile(r"\b\d+\.\d+ms\b"), "DURATION"),
    (re.compile(r"time=[0-9.]+ ms|min/avg/max = [0-9./]+ ms"), "TIME"),
    (re.compile(r"(?m)^(\d+: \w+)(@if\d+)?"), r"\1"),
    (re.compile(r"^\d+: ", re.MULTILINE), "N: "),
    (re.compile(r"Waiting for .*\n"), ""),
    (re.compile(r"[ \t]+"), " "),
)


def masked(text: str) -> str:
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text


def run(
    cluster: Cluster, step: pages.Step, directory: Path = require.REPOSITORY, *, check: bool = False
) -> str:
    """What a terminal would show: both streams, in order. Raises AssertionError with it if the command must not fail."""
    if step.prompt != "$":
        return cluster.node(step.prompt.rstrip("#")).sh(step.command)
    environment = os.environ | {
        "KUBECONFIG": str(places.KUBECONFIG),
        "PATH": f"{places.binaries()}:{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-c", step.command],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=180,
    )
    if check:
        assert 0 == done.returncode, f"{step}{done.stdout}"
    return done.stdout if done.stdout.endswith("\n") or not done.stdout else done.stdout + "\n"
