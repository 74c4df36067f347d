"""The node's CNI configuration directory: which file is the default network, and which has a name.

Our own files lie in the same directory and are never taken for the primary (Multus #1130: delegating to itself).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from netattach_core.api.inventory import NetworkFile
from netattach_core.attach.attachment import Network
from netattach_core.cni import config as cni_config
from netattach_core.cni import netattach_conf
from netattach_core.cni.config import NetworkConfig
from netattach_core.cni.meta_plugins import META_PLUGINS
from netattach_core.errors import ConfigError, NetattachError, TryAgainError
from netattach_core.net import names


class CniConfDir:
    """Files are read anew at each call: a few kilobytes, and never a stale one. `chosen` names the primary, "": nobody has."""

    def __init__(self, directory: Path, chosen: Callable[[], str] = str) -> None:
        self._directory = directory
        self._chosen = chosen

    def primary(self) -> Network:
        """The one that the settings name, and no other in its place; else the first file by name that is not ours.

        So an earlier file that comes later is taken from then on. A broken one is waited for, not passed over: the next one may
        be another network, and pods would start in it (Multus #1499).
        """
        name = self._chosen()
        return self._named_primary(name) if name else self._first()

    def _named_primary(self, name: str) -> Network:
        network = self.by_file(name) or self.by_name(name)
        if network is not None:
            return network
        broken = [path.name for path in self._files() if not _is_whole(path)]
        beside = f"; {', '.join(broken)} cannot be read" if broken else ""
        raise TryAgainError(
            f"no default network yet: primaryNetwork is {name!r}, and {self._directory} has no such file or network{beside}; "
            "install it on this node, or correct the cluster's settings"
        )

    def _first(self) -> Network:
        for path in self._files():
            network = _read_or_wait(path)
            if network is not None:
                return network
        raise TryAgainError(
            f"no default network yet: {self._directory} holds no CNI configuration beside ours; "
            "install the cluster's default network (flannel, calico, …) on this node"
        )

    def by_name(self, name: str) -> Network | None:
        """A conflist is preferred to a single conf of the same name (npwg-spec S11, S12)."""
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
        ours = (
            netattach_conf.OWN_FILE_NAMES
        )  # by name, since what somebody spoilt does not say any more whose it is
        return [
            p
            for p in entries
            if p.suffix in netattach_conf.SUFFIXES and p.name not in ours and not p.is_dir()
        ]


def _read(path: Path) -> Network | None:
    """The file's network, None where it is ours. Raises NetattachError where it is half written or broken."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(error)) from error
    conf = cni_config.parse(text)
    if any(plugin.type in META_PLUGINS for plugin in conf.plugins):
        return None
    text = _with_more_plugins(path, text, conf)
    return Network(network=conf.name, config_text=text, config_name=conf.name, file=str(path))


def _with_more_plugins(path: Path, text: str, conf: NetworkConfig) -> str:
    """With those of the directory beside it that has the network's name, as every runtime with libcni 1.3 or later adds them."""
    beside = path.parent / conf.name
    if path.suffix != ".conflist" or conf.only_inlined or not names.is_cni_name(conf.name):
        return text
    try:
        more = [
            each.read_text()
            for each in sorted(beside.glob("*.conf"))
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
    """None where it is ours. Raises TryAgainError where it cannot be read."""
    try:
        return _read(path)
    except NetattachError as error:
        raise TryAgainError(f"the network's file {path} cannot be read: {error.message}") from error


def _is_whole(path: Path) -> bool:
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
