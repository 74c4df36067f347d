"""Each verb of `kubectl netattach` in a healthy cluster and in five broken ones: it names what is broken, and what to do."""

from __future__ import annotations

import functools
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e import broken_states, console
from e2e.broken_states import FULL_NAME, LATE, NETWORK, STATES, USER
from e2e.lab.cluster import Cluster
from e2e.netattach_command import Netattach, lacking, lines
from e2e.objects import NETWORKS, nad
from support import pages

PAGE = pages.DOCS / "how-to/ask.md"
NODE2 = "node2"

Check = Callable[[Netattach, Path], None]
"""Runs one verb; `Path` is a directory of the test's own."""

VERBS: dict[str, list[str]] = {
    "status": ["status"],
    "get-pods": ["get", "pods", "-n", "default"],
    "networks": ["networks", "-n", "default"],
    "network": ["networks", FULL_NAME],
    "who-uses": ["who-uses", FULL_NAME],
    "nodes": ["nodes"],
    "node": ["nodes", NODE2],
    "explain": ["explain", f"default/{USER}"],
    "explain-late": ["explain", f"default/{LATE}"],
    "simulate": ["simulate", "-n", "default", "-f", "FILE"],
    "doctor": ["doctor", f"node/{NODE2}"],
    "graph": ["graph", "-n", "default", "-o", "svg"],
}

HAS_IT = f"{USER} {NODE2} {FULL_NAME} {FULL_NAME} net1 * True <none>"
USES_IT = f"Pod default {USER} {NODE2} True True net1 * <none>"
ASKS_FOR_IT = f"Pod default {LATE} {NODE2} True False <none> <none> Pending"

Expected = dict[str, tuple[int, list[str]]]
"""By verb: the exit status, and what lines of the output have."""

HEALTHY: Expected = {
    "status": (0, ["daemons ok 2/2 ready", "networks ok 1/1 ready", "pods ok 2 pods have networks, none lacks one"]),
    "get-pods": (0, [HAS_IT]),
    "networks": (0, [f"{NETWORK} macvlan* True True True 2/2 2 <none>"]),
    "network": (0, ["node1 True 1 <none> <none>", "node2 True 1 <none> <none>"]),
    "who-uses": (0, [USES_IT]),
    "nodes": (0, ["node2 ready 0.2.0 cbr0 1 0 "]),
    "node": (0, ["eth1 hardware * up ", "carries the IPv4 default route", "macvlan *1.0.0"]),
    "explain": (0, [f"default/{USER} {NODE2} Running the pod has all 1 networks that it asks for", "attached "]),
    "simulate": (
        0,
        ["default/new would be created", "default/web would be created", "1 net1 * macvlan,sbr", "node2 attached <none>"],
    ),
    "doctor": (
        0,
        ["node ok ready", "daemon ok ready; daemon 0.2.0", "plugins ok *macvlan", "pods ok pods with all their networks: 1"],
    ),
    "graph": (0, [f"{FULL_NAME} on node2: ready; 1 pods", "2 pods: default/ask-node1, default/ask-node2"]),
}  # fmt: skip


def unready(reason: str, message: str) -> Expected:
    """The network is not ready on node2, where a pod runs that has it, and another one cannot start."""
    why = f"{reason} {message}"
    return {
        **HEALTHY,
        "status": (1, ["networks wrong 0/1 ready", f"{FULL_NAME} 1/2 {reason} ready on 1 of 2 nodes; *{message}"]),
        "get-pods": (0, [HAS_IT, f"{LATE} {NODE2} {FULL_NAME} <none> <none> <none> <none> False Pending"]),
        "networks": (0, [f"{NETWORK} macvlan* True True False 1/2 * {reason}"]),
        "network": (0, ["node1 True 1 <none> <none>", f"node2 False * {why}"]),
        "who-uses": (0, [USES_IT, ASKS_FOR_IT]),
        "nodes": (0, ["node1 ready 0.2.0 cbr0 1 0 "]),
        "node": (0, [f"{FULL_NAME} {why}"]),
        "explain-late": (1, [f"{LATE} {NODE2} Pending not attached: 1 of 1 networks; {reason}", f"CAUSE 1 {reason}"]),
        "simulate": (0, ["node1 attached <none>", f"node2 fails {FULL_NAME}: {reason}: {message}", f"node2 False {why}"]),
        "doctor": (1, [f"network wrong {FULL_NAME}: {reason}: {message} kubectl netattach networks {FULL_NAME}"]),
        "graph": (0, [f"{FULL_NAME} on node2: not ready: {reason}: {message}", f"1: {reason} (1): {message}", "late (lacks it)"]),
    }  # fmt: skip


def also(expected: Expected, **further: list[str]) -> Expected:
    """With these lines too; a verb's name has _ for -."""
    more = {verb.replace("_", "-"): found for verb, found in further.items()}
    return {verb: (status, [*found, *more.get(verb, [])]) for verb, (status, found) in expected.items()}


LOST = f"{USER}: InterfaceMissing"

EXPECTED: dict[str, Expected] = {
    "healthy": HEALTHY,
    "daemon-down": also(
        unready("DaemonNotReady", "the netattach daemon is not ready"),
        status=["daemons wrong 1/2 ready", f"daemons netattach-node/netattach-daemon-* {NODE2} "],
        nodes=["node2 not ready"],
        doctor=["daemon wrong not ready: * kubectl -n netattach-node logs netattach-daemon-* --all-containers"],
        explain_late=["fix kubectl netattach doctor node/node2"],
    ),
    "plugin-removed": also(
        unready("PluginMissing", "the plugin sbr is not installed"),
        nodes=["node2 ready"],
        doctor=[f"plugins wrong the plugin sbr is not installed ({FULL_NAME}) install them in the runtime's directory"],
        explain_late=["plugin sbr", "fix install the plugin on the node"],
    ),
    "interface-renamed": also(
        unready("InterfaceMissing", "eth1 does not exist"),
        nodes=["node2 ready"],
        node=["eth7 hardware"],
        explain_late=[f"network {FULL_NAME} (net1)", "message eth1 does not exist"],
    ),
    "webhook-absent": {
        **HEALTHY,
        "status": (1, ["daemons ok 2/2 ready", "webhooks wrong 2/2 ready, but not registered, so nothing is validated"]),
    },
    "unmet-pod": {
        **HEALTHY,
        "status": (1, ["networks ok 1/1 ready", "pods wrong * 1 lacks one", f"pods default/{USER} {NODE2} InterfaceMissing"]),
        "get-pods": (0, [f"{USER} {NODE2} {FULL_NAME} {FULL_NAME} net1 * False InterfaceMissing"]),
        "network": (0, ["node2 True * <none> <none>"]),
        "who-uses": (0, [f"Pod default {USER} {NODE2} True True net1 * InterfaceMissing"]),
        "nodes": (0, ["node2 ready 0.2.0 cbr0 * 1 "]),
        "node": (0, [f"default/{USER} {FULL_NAME} InterfaceMissing"]),
        "explain": (1, [f"{USER} {NODE2} Running running without: 1 of 1 networks; InterfaceMissing", "fix delete the pod"]),
        "doctor": (1, [f"pods wrong 1 lack a network: default/{LOST} kubectl netattach explain NAMESPACE/POD"]),
        "graph": (0, [f"{FULL_NAME} on node2: ready", f"{USER} (lacks it)"]),
    },
}  # fmt: skip

BUNDLED: dict[str, Callable[[dict[str, list[Any]]], bool]] = {
    "healthy": lambda found: 2 == len(found["inventories"]) == len(found["pods-with-networks"]),
    "daemon-down": lambda found: '"DaemonNotReady"' in json.dumps(found["networks"]),
    "plugin-removed": lambda found: '"PluginMissing"' in json.dumps(found["networks"]) and _failed(found),
    "interface-renamed": lambda found: "eth1 does not exist" in json.dumps(found["networks"]) and _failed(found),
    "webhook-absent": lambda found: "ValidatingWebhookConfiguration" not in {each["kind"] for each in found["webhooks"]},
    "unmet-pod": lambda found: f'"{USER}"' in json.dumps([each["status"].get("unmetPods") for each in found["inventories"]]),
}  # fmt: skip
"""What the archive has of each state."""


def _failed(found: dict[str, list[Any]]) -> bool:
    return (LATE, "FailedAttachment") in {
        (each["involvedObject"]["name"], each["reason"]) for each in found["events"]
    }


def prints(verb: str, status: int, expected: list[str], netattach: Netattach, directory: Path) -> None:
    """The verb exits with this status, and prints such lines, below a title that the page shows."""
    words = [str(_file(directory)) if word == "FILE" else word for word in VERBS[verb]]
    done = netattach.run(*words)
    shown = done.stdout if verb != "graph" else re.sub("<[^>]*>", "\n", done.stdout)

    assert (status, "") == (done.returncode, done.stderr), done.stdout
    assert [] == lacking(shown, expected), done.stdout
    assert verb in {"graph", "node"} or _documented_titles() & {*lines(done.stdout)}, done.stdout


def _file(directory: Path) -> Path:
    """A network and a pod, which are not applied."""
    network = nad("new", broken_states.CONFIG)
    web: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "annotations": {NETWORKS: NETWORK}},
        "spec": {"containers": [{"name": "main", "image": "web"}]},
    }
    file = directory / "objects.yaml"
    file.write_text(yaml.safe_dump_all([network, web]))
    return file


@functools.cache
def _documented_titles() -> set[str]:
    """The titles of all tables that the page shows."""
    found = (line for block in pages.blocks(PAGE) for line in lines(block))
    return {line for line in found if re.fullmatch("[A-Z][A-Z0-9 ]+", line)}


def bundles(state: str, netattach: Netattach, directory: Path) -> None:
    """The archive shows the state, and no gap; its user alone can read it."""
    file = directory / "bundle.tar.gz"
    done = netattach.run("bundle", "-f", file)
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith(f"wrote {file}: ")
    assert 0o600 == file.stat().st_mode & 0o777

    texts = _texts(file)
    found = {
        name.removesuffix(".json"): json.loads(text)["items"]
        for name, text in texts.items()
        if name.endswith(".json")
    }
    assert ("", "netattach 0.2.0\n") == (texts["incomplete.txt"], texts["version.txt"])
    assert BUNDLED[state](found), found
    assert "Secret" not in {each.get("kind") for items in found.values() for each in items}


def _texts(file: Path) -> dict[str, str]:
    """The files of an archive, by name, as text."""
    with tarfile.open(file) as archive:
        return {
            Path(each.name).name: read.read().decode()
            for each in archive.getmembers()
            if (read := archive.extractfile(each))
        }


def has_formats(netattach: Netattach, directory: Path) -> None:
    """JSON and YAML in ASCII with what is incomplete, and names: as the page says. `graph` has formats of its own."""
    for verb, plain in VERBS.items():
        if verb in {"graph", "explain-late"}:
            continue
        words = [str(_file(directory)) if word == "FILE" else word for word in plain]
        text = netattach.run(*words, "-o", "json").stdout
        assert text.isascii()
        assert [] == json.loads(text)["incomplete"], verb
        names = netattach.run(*words, "-o", "name").stdout.splitlines()
        assert names or verb == "status", verb  # which names what is wrong
        assert all(re.fullmatch(r"[a-z.-]+[a-z0-9.-]*/[A-Za-z0-9 .-]+", each) for each in names), names
    read = yaml.safe_load(netattach.run("networks", FULL_NAME, "-o", "yaml").stdout)
    assert netattach.data("networks", FULL_NAME) == read


def has_pictures(netattach: Netattach, _: Path) -> None:
    """A page, a diagram, and their data."""
    page = netattach.run("graph", "-n", "default").stdout
    assert page.lower().startswith("<!doctype html>")
    assert f"{FULL_NAME} on node2: ready" in page
    assert netattach.run("graph", "-A", "-o", "mermaid").stdout.startswith("flowchart LR\n")
    (row,) = netattach.data("graph", "-n", "default")["rows"]
    assert (FULL_NAME, 2, ["ready", "ready"]) == (
        row["network"],
        row["podsTotal"],
        [each["state"] for each in row["cells"]],
    )


def is_as_the_page(heading: str, netattach: Netattach, directory: Path) -> None:
    """What a section shows that no other test can run: a plugin is removed from node2."""
    pages.write_files(PAGE, directory)
    for block in pages.blocks_of_section(PAGE, heading):
        for step in pages.steps(block):
            printed = netattach.run(*(_placed(word, directory) for word in step.command.split()[2:])).stdout
            shown, real = console.masked(step.output), console.masked(printed)
            assert pages.is_what_the_page_shows(shown, real), f"{step}-- the real output:\n{printed}"


def _placed(word: str, directory: Path) -> str:
    return str(directory / word) if word.endswith(".yaml") else word


def _cases() -> Iterator[Any]:
    """State by state, so that each is entered once."""
    for state, expected in EXPECTED.items():
        for verb, (status, found) in expected.items():
            yield pytest.param(state, functools.partial(prints, verb, status, found), id=f"{state}-{verb}")
        yield pytest.param(state, functools.partial(bundles, state), id=f"{state}-bundle")
        if state == "healthy":
            yield pytest.param(state, has_formats, id="healthy-formats")
            yield pytest.param(state, has_pictures, id="healthy-pictures")
        if state == "plugin-removed":
            for heading in (
                "Why does a pod lack a network?",
                "What would happen?",
                "What is wrong with a node?",
            ):
                check = functools.partial(is_as_the_page, heading)
                yield pytest.param(state, check, id=f"page-{heading.split()[0]}-{heading.split()[-1][:-1]}")


@pytest.fixture(scope="module")
def netattach() -> Netattach:
    return Netattach()


@pytest.fixture(scope="module")
def running(installed: Cluster, netattach: Netattach) -> Iterator[Cluster]:
    with broken_states.network_in_use(installed):
        netattach.wait_healthy()
        yield installed


@pytest.fixture(scope="module")
def state(request: pytest.FixtureRequest, running: Cluster, netattach: Netattach) -> Iterator[None]:
    with STATES[request.param](running):
        yield
    netattach.wait_healthy()


@pytest.mark.parametrize(("state", "check"), list(_cases()), indirect=["state"], scope="module")
def test_a_verb(state: None, check: Check, netattach: Netattach, tmp_path: Path) -> None:
    check(netattach, tmp_path)
