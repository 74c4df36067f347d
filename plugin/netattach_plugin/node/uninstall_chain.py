"""Files in the CNI configuration directory that keep the shim in the default network's chain after an uninstall.

Running pods have secondary networks, and their DEL has to reach the shim:

<default network's name>/netattach.conf          appended to its conflist by runtimes with libcni 1.3 or later
00-multus.conflist-netattach.conflist            a copy of its conflist with netattach appended, for all other runtimes
<ledger>/chains/stand-in                         the files that the copy was made from; the shim removes an outdated copy

The shim removes these files after the last pod. It finds them by the third one, which names the directory and the default
network and which only root can write. So that one exists as long as one of the others does.
"""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

from netattach_core.attach.attachment import Network
from netattach_core.cni import config as cni_config
from netattach_core.cni import netattach_conf
from netattach_core.cni.config import NetworkConfig
from netattach_core.cni.meta_plugins import META_PLUGINS
from netattach_core.errors import ConfigError, NetattachError
from netattach_core.net import names
from netattach_core.shim import compiled_chain, uninstall_conflist
from netattach_core.shim.compiled_chain import Source
from netattach_plugin.files import atomic_file
from netattach_plugin.files.shim_files import ShimFiles

_log = logging.getLogger(__name__)

_File = tuple[str, bytes]


class _MetaPluginError(ConfigError):
    """Another meta-plugin is the first; the handover to its caches tells it what pods have."""


class UninstallChain:
    """These files for one configuration directory and one ledger."""

    def __init__(self, conf_dir: Path, ledger: Path) -> None:
        self._conf_dir = conf_dir
        self._copy = conf_dir / netattach_conf.UNINSTALL_FILE_NAME
        self._copy_sources = ShimFiles(ledger).stand_in

    def install(self) -> None:
        """Appends the shim to the network that the runtime uses once netattach's conflist is removed; logs what prevents it.

        Which of the two ways a runtime supports is unknown, so both are used: the shim twice in a chain does no harm.
        """
        try:
            files = self._files_up_to_default_network()
            name, content = files[-1]
            config = cni_config.parse(content.decode())
            plugin_file = self._plugin_file(name, config)
            own = netattach_conf.chained_text()
            self._write_copy(config, own, files)
            if plugin_file is not None:
                plugin_file.parent.mkdir(mode=0o755, exist_ok=True)
                atomic_file.write_if_changed(plugin_file, own.encode(), 0o600)
        except _MetaPluginError as error:
            _log.info("secondary networks of running pods: %s", error)
        except (OSError, NetattachError) as error:
            _log.error("secondary networks of running pods may not be released by their DEL: %s", error)

    def remove(self) -> None:
        """Removes the files, after netattach's conflist is back. Raises OSError."""
        self._copy.unlink(missing_ok=True)
        for path in self._conf_dir.glob(f"*/{netattach_conf.CHAINED_FILE_NAME}"):
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # files of others may be there too
                path.parent.rmdir()
        self._copy_sources.unlink(missing_ok=True)  # last, since the shim finds the others by it

    def _files_up_to_default_network(self) -> list[_File]:
        """The files by name, up to the first that a runtime can use; those before it are broken and may be repaired."""
        read: list[_File] = []
        for path in sorted(self._conf_dir.iterdir()):
            if (
                path.suffix not in netattach_conf.SUFFIXES
                or path.name in netattach_conf.OWN_FILE_NAMES
                or path.is_dir()
            ):
                continue
            read.append((path.name, path.read_bytes()))
            config = _parsed(read[-1][1])
            if config and any(plugin.type in META_PLUGINS for plugin in config.plugins):
                raise _MetaPluginError(f"the runtime uses {path}; its meta-plugin releases them")
            if path.name < netattach_conf.UNINSTALL_FILE_NAME:
                raise ConfigError(
                    f"the runtime uses {path}, which precedes every file that netattach could write"
                )
            if config:
                return read
        raise ConfigError(f"{self._conf_dir} has no CNI config for the time after the uninstall")

    def _plugin_file(self, name: str, config: NetworkConfig) -> Path | None:
        """The file that libcni appends to the conflist's plugins; None if it appends none."""
        if not name.endswith(".conflist") or config.only_inlined or not names.is_cni_name(config.name):
            return None
        return self._conf_dir / config.name / netattach_conf.CHAINED_FILE_NAME

    def _write_copy(self, config: NetworkConfig, own: str, files: list[_File]) -> None:
        """Writes the sources first, since the shim removes a copy without them.

        The copy is among them, so that the shim removes a damaged one too.
        """
        default_network = files[-1][1].decode()
        copy = uninstall_conflist.text(default_network, own).encode()
        made_from = ((netattach_conf.UNINSTALL_FILE_NAME, copy), *files)
        source = Source(str(self._conf_dir), netattach_conf.FILE_NAME, first=True, files=made_from)
        network = Network(network=config.name, config_text=default_network, config_name=config.name)
        chain = compiled_chain.encode(compiled_chain.default_network(network, source, plain=False))
        self._copy_sources.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic_file.write_if_changed(self._copy_sources, chain, 0o600)
        atomic_file.write_if_changed(self._copy, copy, 0o600)


def _parsed(content: bytes) -> NetworkConfig | None:
    try:
        return cni_config.parse(content.decode())
    except (UnicodeDecodeError, NetattachError):
        return None
