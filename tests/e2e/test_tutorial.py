"""docs/tutorial.md, step by step: each command is run and prints what the page shows.

NETATTACH_WRITE_TUTORIAL=1 writes the real output into the page.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from e2e import console
from e2e.lab.cluster import Cluster
from support import pages, require

PAGE = require.REPOSITORY / "docs" / "tutorial.md"
INSTALLS = "kubectl apply -k deploy/"


def run_timed(cluster: Cluster, step: pages.Step) -> str:
    """Like `run`; measures the time from `kubectl apply` to the last `rollout status`."""
    if step.command.startswith(INSTALLS):
        cluster.begin_install()
    output = console.run(cluster, step)
    if "rollout status" in step.command:
        cluster.end_install()
    return output


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
    for block in pages.blocks(PAGE):
        real = []
        for step in pages.steps(block):
            output = run_timed(bare, step)
            if console.masked(output) != console.masked(step.output):
                differences.append(
                    f"{step.prompt} {step.command}\n-- the page:\n{step.output}-- the real output:\n{output}"
                )
            real.append(pages.Step(step.prompt, step.command, output))
        written = written.replace(f"```console\n{block}```", f"```console\n{''.join(map(str, real))}```")
    if os.environ.get("NETATTACH_WRITE_TUTORIAL"):
        PAGE.write_text(written)
        return

    assert not differences, "\n".join(differences)
