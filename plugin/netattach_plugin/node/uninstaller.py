"""Uninstalls netattach from the node: the runtime uses the default network again, and running pods can still be deleted."""

from __future__ import annotations

import contextlib
import itertools
import logging
from pathlib import Path

from netattach_core.cni import netattach_conf
from netattach_core.errors import NetattachError
from netattach_plugin.files import atomic_file
from netattach_plugin.node.installer import Installer
from netattach_plugin.node.uninstall_chain import UninstallChain
from netattach_plugin.ports import NodeNetworks

_log = logging.getLogger(__name__)


class Uninstaller:
    """Undoes what the installer wrote, and stops it."""

    def __init__(
        self, *, installer: Installer, conf_dir: Path, networks: NodeNetworks, uninstall_chain: UninstallChain
    ) -> None:
        self._installer = installer
        self._conf_dir = conf_dir
        self._networks = networks
        self._uninstall_chain = uninstall_chain

    def uninstall(self, *, keep_shim_in_chain: bool = False) -> None:
        """Makes the default network's file, or Multus', the runtime's first again; an install in progress does not undo that.

        `keep_shim_in_chain`: running pods have secondary networks, so the shim is appended to the default network's chain. That
        happens before the conflist is removed, which makes the runtime reload; the shim removes itself after the last pod.

        The shim's binary stays: some runtimes call DEL with the CNI config of ADD and have to find it. The conflist is removed
        even without a default network: with it every pod would wait for a daemon that is gone, also when a default network comes.
        """
        with self._installer.stopped():
            if keep_shim_in_chain:
                self._uninstall_chain.install()
            removed = [self._remove(name) for name in netattach_conf.INSTALLED_FILE_NAMES]
            if not all(removed):
                return
            self._remove_copies()
        _log.info("uninstalled: removed netattach's config from %s", self._conf_dir)
        try:
            self._networks.default_network()
        except NetattachError as error:
            _log.warning("this node has no default network now: %s", error)

    def _remove(self, name: str) -> bool:
        path = self._conf_dir / name
        try:
            path.unlink(missing_ok=True)
            atomic_file.sync_directory(self._conf_dir)
        except OSError as error:
            _log.error("remove %s by hand, no pod of this node starts until then: %s", path, error)
            return False
        return True

    def _remove_copies(self) -> None:
        """Our conflist under names that others have given it: Cilium's uninstallation renames back what Cilium has renamed."""
        names = netattach_conf.INSTALLED_FILE_NAMES
        for path in itertools.chain.from_iterable(self._conf_dir.glob(f"{name}.*") for name in names):
            with contextlib.suppress(OSError):
                if netattach_conf.is_own_text(path.read_bytes()):
                    path.unlink()
