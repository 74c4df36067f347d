"""The port DeviceFiles: the device-info files of this node, in the directory that device plugins and CNI plugins share."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from netattach_core.attach.attachment import Attachment
from netattach_core.cni.request import CniRequest
from netattach_core.devices import device_info
from netattach_core.errors import DecodeError, NetattachError

_SWEEP_INTERVAL = 10.0
"""Seconds between sweeps."""

_log = logging.getLogger(__name__)


class DeviceInfoFiles:
    """Small files in memory (/run), so no method needs a thread. Plugins on the node get the paths."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def with_paths(self, call: CniRequest, attachments: Iterable[Attachment]) -> tuple[Attachment, ...]:
        return tuple(
            device_info.with_file(each, str(self._directory), call.container_id) for each in attachments
        )

    def prepare(self, attachments: Iterable[Attachment]) -> None:
        for each in attachments:
            path = self._own(each)
            if path is not None:
                try:
                    self._prepare(each, path)
                except OSError as error:
                    problem = f"network {each.network}: its device-info file cannot be written: {error}"
                    raise NetattachError(problem) from error

    def read(self, attachments: Iterable[Attachment]) -> Mapping[str, Mapping[str, Any]]:
        found = {}
        for each in attachments:
            path = self._own(each)
            if path is None or not path.exists():
                continue
            try:
                found[each.ifname] = device_info.parse(path.read_bytes())
            except (OSError, DecodeError) as error:  # the network works; only its status has no device-info
                _log.warning("network %s: %s is ignored: %s", each.network, path, error)
        return found

    def remove(self, attachments: Iterable[Attachment]) -> None:
        for each in attachments:
            path = self._own(each)
            if path is not None:
                self._remove(path)

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:  # the next boot of the node removes it, and DEL need not fail
            _log.warning("%s cannot be removed: %s", path, error)

    async def run(self, container_ids: Callable[[], Awaitable[Collection[str]]]) -> None:
        """Sweeps at intervals: the shim, which deletes sandboxes while the daemon is down, leaves their files. Never returns."""
        while True:
            await self.sweep(container_ids)
            await asyncio.sleep(_SWEEP_INTERVAL)

    async def sweep(self, container_ids: Callable[[], Awaitable[Collection[str]]]) -> None:
        """Removes the files of sandboxes that are not in the ledger; lists the files first, since entries precede their files."""
        found = list((self._directory / "cni").glob(f"{device_info.PREFIX}*"))
        held = await container_ids() if found else ()
        for path in found:
            if device_info.is_stale(path.name, held):
                self._remove(path)

    def _own(self, attachment: Attachment) -> Path | None:
        """Its file, None unless it is in our directory: a ledger entry must not make the daemon remove any other file."""
        file = device_info.file_of(attachment)
        if not file:
            return None
        path = Path(file)
        return path if path.parent == self._directory / "cni" else None

    def _prepare(self, attachment: Attachment, path: Path) -> None:
        """Copies the device plugin's file, if any; otherwise makes sure that a CNI plugin can write its own."""
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        source = device_info.device_plugins_file(attachment, str(self._directory))
        if source and Path(source).exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
            with os.fdopen(descriptor, "wb") as file:
                file.write(Path(source).read_bytes())
