"""The node's CNI configuration directory: which file is the default network, and which has a name.

Our own conf lies in the same directory and is never taken for the primary (Multus #1130: delegating to itself).
"""

from __future__ import annotations

from pathlib import Path

from netattach_core import cni_config, own_conf
from netattach_core.attachment import Network
from netattach_core.errors import ConfigError, NetattachError, TryAgainError

_NEVER_PRIMARY = {"netattach", "multus", "multus-shim"}
"""Meta-plugins: ourselves, and the ones that we take over from."""


class ConfDir:
    """Files are read anew at each call: a few kilobytes, and never a stale one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def primary(self) -> Network:
        """The first file by name that is not ours.

        A broken one is waited for, not passed over: the next one may be another network, and pods would start in it
        (Multus #1499).
        """
        for path in self._files():
            try:
                network = _read(path)
            except NetattachError as error:
                raise TryAgainError(
                    f"the default network's file {path} cannot be read: {error.message}"
                ) from error
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
            if (network := _read_or_none(path)) and network.conf_name == name
        ]
        found.sort(key=lambda pair: pair[0].suffix != ".conflist")
        return found[0][1] if found else None

    def _files(self) -> list[Path]:
        try:
            entries = sorted(self._directory.iterdir())
        except FileNotFoundError:
            return []
        ours = own_conf.FILE_NAME  # by its name, since what somebody spoilt does not say any more whose it is
        return [p for p in entries if p.suffix in own_conf.SUFFIXES and p.name != ours and not p.is_dir()]


def _read(path: Path) -> Network | None:
    """The file's network, None where it is ours. Raises NetattachError where it is half written or broken."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(error)) from error
    conf = cni_config.parse(text)
    if any(plugin.type in _NEVER_PRIMARY for plugin in conf.plugins):
        return None
    return Network(network=conf.name, conf_text=text, conf_name=conf.name, file=str(path))


def _read_or_none(path: Path) -> Network | None:
    try:
        return _read(path)
    except NetattachError:
        return None
