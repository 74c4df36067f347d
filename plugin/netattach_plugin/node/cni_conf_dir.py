"""The node's CNI configuration directory: the default network's file, and networks by name.

netattach's own files in the same directory are never the default network (Multus issue #1130: delegating to itself).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from netattach_core.api.inventory import NetworkFile
from netattach_core.attach.attachment import Network
from netattach_core.cni import config as cni_config
from netattach_core.cni import multus_conf, netattach_conf
from netattach_core.cni.config import NetworkConfig
from netattach_core.cni.meta_plugins import META_PLUGINS
from netattach_core.errors import ConfigError, NetattachError, TryAgainError
from netattach_core.net import names


class CniConfDir:
    """Reads the files at each call: a few kilobytes, and never outdated.

    `primary_network` returns the setting `primaryNetwork`, "" if it is unset.
    """

    def __init__(self, directory: Path, primary_network: Callable[[], str] = str) -> None:
        self._directory = directory
        self._primary_network = primary_network

    def default_network(self) -> Network:
        """The network that `primaryNetwork` names and no other; without that setting the first file by name that is not ours.

        So a file that is added later and precedes the others is used from then on. A broken file is waited for and not skipped:
        the next one may be another network, in which pods would start (Multus issue #1499). Multus' own file, which it does not
        write atomically, is no network even if it is broken.
        """
        name = self._primary_network()
        return self._chosen(name) if name else self._first()

    def _chosen(self, name: str) -> Network:
        network = self.by_file(name) or self.by_name(name)
        if network is not None:
            return network
        broken = [path.name for path in self._files() if not _is_readable(path)]
        suffix = f"; {', '.join(broken)} cannot be read" if broken else ""
        raise TryAgainError(
            f"no default network yet: primaryNetwork is {name!r}, and {self._directory} has no such file or network{suffix}; "
            "install it on this node, or correct the cluster's settings"
        )

    def _first(self) -> Network:
        for path in self._files():
            is_multus = path.name.startswith(multus_conf.FILE_PREFIX)
            network = _read_or_none(path) if is_multus else _read_or_wait(path)
            if network is not None:
                return network
        raise TryAgainError(
            f"no default network yet: {self._directory} has no CNI config except netattach's; install the cluster's default "
            "network (flannel, calico, …) on this node, or, where the container runtime reads another directory (k3s, MicroK8s, "
            "OpenShift), set `platform` or node.confDir in the chart"
        )

    def by_name(self, name: str) -> Network | None:
        """A conflist precedes a single plugin's config of the same name.

        Kubernetes Network Plumbing Working Group spec, section 3.4.1.
        """
        found = [
            (path, network)
            for path in self._files()
            if (network := _read_or_none(path)) and network.config_name == name
        ]
        found.sort(key=lambda pair: pair[0].suffix != ".conflist")
        return found[0][1] if found else None

    def by_file(self, name: str) -> Network | None:
        path = self._directory / name
        return _read_or_wait(path) if path in self._files() else None

    def files(self) -> tuple[NetworkFile, ...]:
        read = ((path, _read_or_none(path)) for path in self._files())
        return tuple(NetworkFile(path.name, network.config_name) for path, network in read if network)

    def _files(self) -> list[Path]:
        try:
            entries = sorted(self._directory.iterdir())
        except FileNotFoundError:
            return []
        ours = netattach_conf.OWN_FILE_NAMES  # by name, since damaged content does not identify its owner
        return [
            p
            for p in entries
            if p.suffix in netattach_conf.SUFFIXES and p.name not in ours and not p.is_dir()
        ]


def _read(path: Path) -> Network | None:
    """The file's network, None for a meta-plugin's. Raises NetattachError where it is incomplete or broken."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(error)) from error
    config = cni_config.parse(text)
    if any(plugin.type in META_PLUGINS for plugin in config.plugins):
        return None
    text = _with_more_plugins(path, text, config)
    return Network(network=config.name, config_text=text, config_name=config.name, file=str(path))


def _with_more_plugins(path: Path, text: str, config: NetworkConfig) -> str:
    """Appends the plugins in the directory of the network's name, as libcni does since 1.3."""
    directory = path.parent / config.name
    if path.suffix != ".conflist" or config.only_inlined or not names.is_cni_name(config.name):
        return text
    try:
        more = [
            each.read_text()
            for each in sorted(directory.glob("*.conf"))
            if each.name != netattach_conf.CHAINED_FILE_NAME
        ]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(error)) from error
    if not more:
        return text
    joined = cni_config.with_plugins(text, more)
    cni_config.parse(joined)
    return joined


def _read_or_wait(path: Path) -> Network | None:
    """None for a meta-plugin's. Raises TryAgainError where it cannot be read."""
    try:
        return _read(path)
    except NetattachError as error:
        raise TryAgainError(f"the network's file {path} cannot be read: {error.message}") from error


def _is_readable(path: Path) -> bool:
    try:
        _read(path)
    except NetattachError:
        return False
    return True


def _read_or_none(path: Path) -> Network | None:
    try:
        return _read(path)
    except NetattachError:
        return None
