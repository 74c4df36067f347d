"""The directories of a node with an installer: CNI configuration, binaries, ledger."""

from __future__ import annotations

import json
from pathlib import Path

from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.node.first_place import FirstPlace
from netattach_plugin.node.installer import Installer
from netattach_plugin.node.own_conflist import OwnConflist
from netattach_plugin.node.shim_binary import ShimBinary
from netattach_plugin.node.uninstall_chain import UninstallChain
from netattach_plugin.node.uninstaller import Uninstaller
from netattach_plugin.ports import NodeNetworks

DEFAULT_NETWORK = '{"cniVersion": "0.4.0", "name": "cbr0", "plugins": [{"type": "bridge", "mtu": 1500.0}]}'


class NodeDirectories:
    """Without a default network at first; `networks` may be replaced before `new_installer`; `now` is the installers' clock."""

    def __init__(self, root: Path) -> None:
        self.now = 0.0
        self.bin, self.config, self.ledger = root / "bin", root / "net.d", root / "ledger"
        for folder in (self.bin, self.config):
            folder.mkdir()
        self.shim = root / "shim"
        self.shim.write_bytes(b"the shim")
        self.shim_binary = ShimBinary(self.shim, self.bin)
        self.shim_binary.install()
        self.networks: NodeNetworks = CniConfDir(self.config)
        self.installer = self.new_installer()

    def new_installer(self) -> Installer:
        """As a daemon that has just started."""
        return Installer(
            shim=self.shim_binary,
            conflist=OwnConflist(self.config, clock=lambda: self.now),
            networks=self.networks,
            uninstall_chain=UninstallChain(self.config, self.ledger),
            first_place=FirstPlace(self.config, self.ledger),
        )

    def install(self, name: str = "10-a.conflist", text: str = DEFAULT_NETWORK) -> None:
        """With this default network."""
        (self.config / name).write_text(text)
        self.installer.install()
        assert self.installer.problem is None

    @property
    def uninstaller(self) -> Uninstaller:
        """Of the same daemon."""
        return Uninstaller(
            installer=self.installer,
            conf_dir=self.config,
            networks=self.networks,
            uninstall_chain=UninstallChain(self.config, self.ledger),
        )

    def uninstall(self) -> None:
        """While pods with secondary networks run."""
        self.uninstaller.uninstall(keep_shim_in_chain=True)

    def reinstall(self) -> None:
        """By another daemon."""
        installer = self.new_installer()
        installer.install()
        assert installer.problem is None

    def files(self) -> list[str]:
        """Below the CNI configuration directory."""
        return sorted(str(path.relative_to(self.config)) for path in self.config.rglob("*") if path.is_file())

    def cni_version(self) -> str:
        """Of netattach's conflist."""
        version: str = json.loads((self.config / "00-netattach.conflist").read_text())["cniVersion"]
        return version
