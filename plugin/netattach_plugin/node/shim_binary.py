"""The shim in the directory of the CNI plugins: copied there by an init container, and checked by the daemon.

The daemon cannot write to that directory. Otherwise whoever controls the daemon could replace any plugin, which the runtime
starts as root outside of every container.
"""

from __future__ import annotations

from pathlib import Path

from netattach_core.cni import netattach_conf
from netattach_plugin.files import atomic_file
from netattach_plugin.files.ownership import owner_hint

_MODE = 0o755


class ShimBinary:
    """The file `bin_dir`/netattach, which has to equal `shim`, the file of the image."""

    def __init__(self, shim: Path, bin_dir: Path, *, how_to_install: str = "install it again") -> None:
        self._shim = shim
        self._how_to_install = how_to_install
        self.path = bin_dir / netattach_conf.TYPE

    def install(self) -> bool:
        """Copies the shim unless it is there; whether it did. Raises OSError. By rename: a call in progress keeps the former.

        Removes what a killed installation has left.
        """
        atomic_file.remove_leftovers([self.path.parent])
        return atomic_file.write_if_changed(self.path, self._shim.read_bytes(), _MODE)

    def problem(self) -> str | None:
        """Why the runtime cannot call this release's shim, with the fix; None if it can. Raises OSError."""
        wanted = self._shim.read_bytes()
        try:
            installed, mode = self.path.read_bytes(), self.path.stat().st_mode
        except FileNotFoundError:
            return f"the shim {self.path} is missing, so no pod of this node starts or ends; {self._how_to_install}"
        if installed != wanted:
            return f"the shim {self.path} is not the one of this release; {self._how_to_install}"
        if mode & 0o111 != 0o111:
            return f"the shim {self.path} is not executable; {self._how_to_install}"
        return None


def install_problem(error: OSError) -> str:
    """The text for a shim that cannot be installed."""
    return f"the shim cannot be installed: {error}{owner_hint(error)}"
