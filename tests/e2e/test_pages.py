"""The quick start and the How-to pages: each command is run and prints what the page shows.

NETATTACH_WRITE_PAGES=1 writes the real output into the pages.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from e2e import console, dhcp_server
from e2e.lab.cluster import Cluster
from support import pages, require
from support.waiting import PATIENCE

QUICK_START = pages.DOCS / "quick-start.md"
DHCP = pages.DOCS / "how-to/dhcp.md"
PRINTER = ("02:00:00:00:03:70", "10.0.3.70")
"""The page's pod: its MAC address, and the address that the server gives it."""

TO_RUN = (QUICK_START, *(page for page in pages.HOW_TO if pages.blocks_to_run(page)))

WRITES = bool(os.environ.get("NETATTACH_WRITE_PAGES"))
LOOKS = ("kubectl get ", "kubectl exec ", "kubectl netattach ")

REPOSITORY = ("deploy", "crds", "docs")
"""What commands name of the repository, in which a reader runs them."""


@pytest.fixture
def directory(installed: Cluster, page: Path, tmp_path: Path) -> Iterator[Path]:
    """The directory of a reader, who begins with nothing in the cluster and ends with nothing."""
    for name in REPOSITORY:
        (tmp_path / name).symlink_to(require.REPOSITORY / name)
    _clean_up(installed)
    server = dhcp_server.serving(tmp_path, *PRINTER) if page == DHCP else contextlib.nullcontext()
    with server:  # also while the pods are deleted, which release their leases
        yield tmp_path
        _clean_up(installed)


def _clean_up(cluster: Cluster) -> None:
    """The bridges of pages, and host-local's last address, stay on a node; else the next run would print others."""
    cluster.kubectl("delete", "deployments,pods", "--all", "--grace-period=1")
    cluster.kubectl("delete", "network-attachment-definitions", "--all")
    names = {
        body["metadata"]["name"]
        for page in TO_RUN
        for text in pages.files(page).values()
        for body in yaml.safe_load_all(text)
        if body.get("kind") == "NetworkAttachmentDefinition"
    }
    for node in ("node1", "node2"):
        stores = " ".join(f"/var/lib/cni/networks/{name}" for name in sorted(names))
        bridge = "[ ! -e /sys/class/net/br-vlan ] || ip link delete br-vlan"  # that of the page about VLANs
        cluster.node(node).sh(f"rm -rf {stores}; {bridge}")
    cluster.eventually(lambda: _reports_no_pods(cluster), "the inventories count no pods")


def _reports_no_pods(cluster: Cluster) -> bool:
    """A node publishes a changed count some seconds later."""
    inventories = cluster.objects("nodenetworkinventories")
    return not any((each["status"].get("attached") or {}).get("pods") for each in inventories)


@pytest.mark.parametrize("page", TO_RUN, ids=lambda path: path.stem)
def test_a_page_is_what_happens(installed: Cluster, page: Path, directory: Path) -> None:
    pages.write_files(page, directory)
    written, differences = page.read_text(), []
    for block in pages.blocks_to_run(page):
        shown = list(pages.steps(block))
        real = [_real(installed, step, directory) for step in shown]
        written = written.replace(f"```console\n{block}```", f"```console\n{''.join(map(str, real))}```")
        differences += [
            f"{step.command}\n-- the page:\n{step.output}-- the real output:\n{ran.output}"
            for step, ran in zip(shown, real, strict=True)
            if step.output != ran.output
        ]
    if WRITES:
        page.write_text(written)
        return

    assert not differences, "\n".join(differences)


def _real(cluster: Cluster, step: pages.Step, directory: Path) -> pages.Step:
    """The step with what it prints; with what the page shows, if that differs only in what differs from run to run.

    A command that only looks is repeated for a while: what it looks at may take a moment.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        printed = console.run(cluster, step, directory)
        if pages.is_what_the_page_shows(console.masked(step.output), console.masked(printed)):
            return step
        if not step.command.startswith(LOOKS) or WRITES or time.monotonic() > deadline:
            return pages.Step(step.prompt, step.command, printed)
