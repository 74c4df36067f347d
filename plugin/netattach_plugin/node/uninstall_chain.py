"""What stays of us in the CNI configuration directory while pods of ours run on without us, so that their DEL finds the shim.

<primary's name>/netattach.conf                  what libcni 1.3 and later append to a conflist
00-multus.conflist-netattach.conflist            the primary with us at its end, for all other runtimes
<ledger>/chains/stand-in                         what that one was made from, for the shim: it removes a copy that has grown old

By that note, too, the shim finds what it has to remove, with the last pod: the directory and the primary's name stand in it, and
it is root's. So it is there as long as one of the two places is.
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

_log = logging.getLogger(__name__)

NOTE = "stand-in"
"""Among the compiled chains."""

_File = tuple[str, bytes]


class UninstallChain:
    """`chains`: the directory of the compiled chains, in which the shim looks."""

    def __init__(self, conf_dir: Path, chains: Path) -> None:
        self._conf_dir = conf_dir
        self._stand_in = conf_dir / netattach_conf.UNINSTALL_FILE_NAME
        self._note = chains / NOTE

    def take(self) -> None:
        """Both places behind the network that the runtime takes when our conf is gone; what hinders it is logged.

        Which of them a runtime uses it does not say, so it gets both: the shim twice in one chain does no harm.
        """
        try:
            files = self._until_the_next()
            name, content = files[-1]
            conf = cni_config.parse(content.decode())
            place = self._place(name, conf)
            own = netattach_conf.chained_text()
            self._write_stand_in(conf, own, files)
            if place is not None:
                place.parent.mkdir(mode=0o755, exist_ok=True)
                atomic_file.write(place, own.encode(), 0o600)
        except (OSError, NetattachError) as error:
            _log.error("what running pods hold beside the default network may stay after them: %s", error)

    def give_up(self) -> None:
        """We are back, and our conf is in place. Raises OSError."""
        self._stand_in.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        for path in self._conf_dir.glob(f"*/{netattach_conf.CHAINED_FILE_NAME}"):
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # others have plugins in it too
                path.parent.rmdir()

    def _until_the_next(self) -> list[_File]:
        """The files by name, up to the first that a runtime can use; those before it are broken, and may be fixed."""
        read: list[_File] = []
        for path in sorted(self._conf_dir.iterdir()):
            if (
                path.suffix not in netattach_conf.SUFFIXES
                or path.name in netattach_conf.OWN_FILE_NAMES
                or path.is_dir()
            ):
                continue
            if path.name < netattach_conf.UNINSTALL_FILE_NAME:
                raise ConfigError(f"the runtime takes {path}, which comes before all that we could leave")
            read.append((path.name, path.read_bytes()))
            conf = _parsed(read[-1][1])
            if conf and any(plugin.type in META_PLUGINS for plugin in conf.plugins):
                raise ConfigError(f"the runtime takes {path}, whose plugin has to free them")
            if conf:
                return read
        raise ConfigError(f"{self._conf_dir} holds no network for the time after us")

    def _place(self, name: str, conf: NetworkConfig) -> Path | None:
        if not name.endswith(".conflist") or conf.only_inlined or not names.is_cni_name(conf.name):
            return None
        return self._conf_dir / conf.name / netattach_conf.CHAINED_FILE_NAME

    def _write_stand_in(self, conf: NetworkConfig, own: str, files: list[_File]) -> None:
        """The note first: a copy without one is taken for old. Itself is among the files, since one that was spoilt has to go."""
        primary = files[-1][1].decode()
        copy = uninstall_conflist.text(primary, own).encode()
        made_from = ((netattach_conf.UNINSTALL_FILE_NAME, copy), *files)
        source = Source(str(self._conf_dir), netattach_conf.FILE_NAME, first=True, files=made_from)
        network = Network(network=conf.name, config_text=primary, config_name=conf.name)
        self._note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic_file.write(
            self._note, compiled_chain.encode(compiled_chain.primary(network, source, plain=False)), 0o600
        )
        atomic_file.write(self._stand_in, copy, 0o600)


def _parsed(content: bytes) -> NetworkConfig | None:
    try:
        return cni_config.parse(content.decode())
    except (UnicodeDecodeError, NetattachError):
        return None
