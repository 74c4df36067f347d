"""Paths of the files that the daemon and the shim share, below the ledger's directory (plugin/shim/sandbox_files.c reads them).

<ledger>/chains/primary          the compiled default network
<ledger>/chains/del/<sandbox>    the compiled DEL of a sandbox that is in the ledger
<ledger>/chains/plain/<sandbox>  what the shim attached without the daemon
<ledger>/chains/stand-in         after an uninstall: what the copy of the default network's conflist was made from
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ShimFiles:
    """The paths of one ledger."""

    ledger: Path

    @property
    def chains(self) -> Path:
        return self.ledger / "chains"

    @property
    def primary(self) -> Path:
        return self.chains / "primary"

    @property
    def deletions(self) -> Path:
        return self.chains / "del"

    @property
    def records(self) -> Path:
        return self.chains / "plain"

    @property
    def stand_in(self) -> Path:
        return self.chains / "stand-in"
