"""The directories and links of each platform, as deploy/helm/netattach/platforms names them, played below a directory.

What is played: CNI configs and plugins at these paths, links of plugins into another directory, the order of several directories,
the daemon's environment as the chart sets it, and calls with the runtime's CNI_PATH. Not the distribution itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DemoNode, NodePaths
from netattach_core.shim import compiled_chain
from support import require
from support.node import CnitoolNode

FACTS = require.REPOSITORY / "deploy/helm/netattach/platforms"
PLATFORMS = sorted(path.stem for path in FACTS.glob("*.yaml"))

NETWORK = {
    "cniVersion": "1.0.0",
    "name": "data",
    "type": "macvlan",
    "master": "eth1",
    "no-driver-knows": "this",
    "ipam": {"type": "host-local", "subnet": "10.0.3.0/24", "rangeStart": "10.0.3.100"},
}


def _facts(platform: str) -> dict[str, Any]:
    """What differs from the platform kubernetes."""
    read = (yaml.safe_load((FACTS / f"{name}.yaml").read_text()) or {} for name in ("kubernetes", platform))
    return {key: value for facts in read for key, value in facts.items()}


@dataclass(frozen=True, slots=True)
class PlatformPaths(NodePaths):
    """The platform's paths below `root`."""

    facts: dict[str, Any] = field(default_factory=dict)

    def below(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    @property
    def bin_dirs(self) -> list[Path]:
        return [self.below(path) for path in self.facts["binDirs"]]

    @property
    def bin_dir(self) -> Path:
        return self.bin_dirs[0]

    @property
    def conf_dir(self) -> Path:
        return self.below(self.facts["confDir"])


def _spread_plugins(paths: PlatformPaths) -> None:
    """macvlan is in the last directory of plugins; where the platform has links, all are links into a release's directory."""
    for directory in paths.bin_dirs[1:]:
        directory.mkdir(parents=True)
        (paths.bin_dir / "macvlan").rename(directory / "macvlan")
    for linked in paths.facts["linkedDirs"]:
        release = paths.below(linked) / "0f1e2d/bin"
        release.mkdir(parents=True)
        for plugin in paths.bin_dir.iterdir():
            if plugin.name != "netattach":
                (release / plugin.name).symlink_to(plugin.readlink())
                plugin.unlink()
                plugin.symlink_to(release / plugin.name)


def _runtime_links(paths: PlatformPaths) -> None:
    """MicroK8s' `current` is a link to the revision of the snap."""
    current = paths.below("/var/snap/microk8s/current")
    if current in (*paths.conf_dir.parents, *paths.bin_dir.parents):
        (current.parent / "x1").mkdir(parents=True)
        current.symlink_to("x1")


@pytest.fixture(params=PLATFORMS)
def node(
    request: pytest.FixtureRequest, places: NodePaths, tmp_path: Path, cnitool: Path
) -> Iterator[CnitoolNode]:
    """With the environment that the chart gives the daemon."""
    paths = PlatformPaths(tmp_path / "stage", places.plugins, places.shim, _facts(request.param))
    _runtime_links(paths)
    with demo_node.build(paths) as built, pytest.MonkeyPatch.context() as patch:
        _spread_plugins(paths)
        environment = {**built.daemon_environment(), "NETATTACH_BIN_DIR": ":".join(map(str, paths.bin_dirs))}
        patch.setattr(built, "daemon_environment", lambda: environment)
        more = paths.bin_dirs[-1] if len(paths.bin_dirs) > 1 else None
        yield CnitoolNode(built, cnitool, more_plugins=more)


def _inventory(built: DemoNode) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(built.inventory.read_text())
    return body


def test_each_platform_has_its_facts() -> None:
    assert {"gke", "k3s", "kind", "kubernetes", "microk8s", "openshift", "rke2", "talos"} <= {*PLATFORMS}


def test_pods_start_and_end(node: CnitoolNode) -> None:
    """One with a secondary network by the daemon, one without by the shim alone: it finds the compiled files at these paths."""
    node.create_nad("data", NETWORK)
    with node.pod("data") as pod, node.pod() as plain:
        with node.stage.daemon():
            found = {each["name"]: each for each in _inventory(node.stage)["plugins"]}
            node.add(pod)
            assert ["lo", "eth0", "net1"] == node.link_names(pod)
        node.add(plain)
        assert 1 == len(node.records())
        chain = compiled_chain.parse((node.stage.paths.ledger / "chains/primary").read_bytes())
        assert chain.source is not None
        assert str(node.stage.paths.conf_dir) == chain.source.directory
        for each in (plain, pod):
            node.delete(each)
        assert ["lo"] == node.link_names(pod) == node.link_names(plain)

    assert all("1.0.0" in found[name]["versions"] for name in ("bridge", "macvlan", "host-local"))
    assert "unseenPluginDirectories" not in _inventory(node.stage)
