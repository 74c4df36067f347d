"""What the last probe found out, over restarts of the daemon within one boot: else an inventory would say that it is unknown."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from netattach_core.api import node_state
from netattach_core.api.node_state import Probe
from netattach_plugin.files import atomic_file

_log = logging.getLogger(__name__)

_NAME = "last-probe"
"""In the ledger's directory; it has not the suffix of an entry."""


class ProbeFile:
    """`probe` and `link_kinds` are None until a probe of this boot has ended, or has got so far."""

    def __init__(self, ledger: Path, boot_id: str) -> None:
        self._path = ledger / _NAME
        self.boot_id = boot_id
        self.probe: Probe | None = None
        self.link_kinds: tuple[str, ...] | None = None
        self._read()

    def put(self, probe: Probe, link_kinds: tuple[str, ...] | None) -> None:
        """Best effort: without the file, the next daemon finds it out again."""
        self.probe, self.link_kinds = probe, link_kinds
        body: dict[str, Any] = {"probe": node_state.probe_dict(probe), "linkKinds": link_kinds}
        try:
            atomic_file.write(self._path, json.dumps(body).encode(), 0o600, sync=False)
        except OSError as error:
            _log.warning("what the probe found out is not kept: %s", error)

    def _read(self) -> None:
        try:
            body = json.loads(self._path.read_bytes())
            probe, kinds = node_state.probe(body["probe"]), body["linkKinds"]
            link_kinds = None if kinds is None else tuple(map(str, kinds))
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            _log.warning("%s is ignored: %r", self._path, error)
            return
        if probe.boot_id == self.boot_id:
            self.probe, self.link_kinds = probe, link_kinds
