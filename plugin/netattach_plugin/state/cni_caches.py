"""What others have noted of a sandbox that is not in our ledger: Multus, or the runtime that called the default network itself.

<multus>/<container id>                          Multus' list of networks
<multus>/results/<network>-<container>-<if>      what it attached (libcni)
<libcni>/results/<network>-<container>-<if>      what the runtime attached (libcni)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Sandbox
from netattach_core.caches import libcni as libcni_cache
from netattach_core.caches import multus as multus_cache
from netattach_core.caches.libcni import Cached
from netattach_core.cni import netattach_conf
from netattach_core.cni.request import CniRequest
from netattach_core.errors import DecodeError, NetattachError
from netattach_core.net import names
from netattach_core.shim import uninstall_conflist
from netattach_plugin.files import atomic_file

_log = logging.getLogger(__name__)

_META = multus_cache.TYPES | {netattach_conf.TYPE}
_Read = TypeVar("_Read")


class CniCaches:
    """The port `Foreign` over two directories, which need not be there."""

    def __init__(self, multus: Path, libcni: Path) -> None:
        self._multus = multus
        self._results = multus / "results"
        self._runtimes_results = libcni / "results"

    async def attachments(self, call: CniRequest) -> tuple[Attachment, ...]:
        return await asyncio.to_thread(self._attachments, call)

    async def forget(self, sandbox: Sandbox) -> None:
        """A few unlinks of what is hardly ever there."""
        paths = [self._multus / sandbox.container_id]
        for each in sandbox.attachments:
            name = libcni_cache.file_name(sandbox.container_id, each.conf.name, each.ifname)
            of_multus = libcni_cache.file_name(sandbox.container_id, multus_cache.NAME, each.ifname)
            paths += [self._results / name, self._runtimes_results / name, self._runtimes_results / of_multus]
        for path in paths:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:  # all that it tells of is freed, and freeing it once more does no harm
                _log.warning("%s stays behind: %s", path, error)

    def hand_over(self, sandbox: Sandbox) -> None:
        """Our sandbox as if others had attached it: the default network the runtime, all of it Multus. Raises OSError.

        Multus' results come before its list: the list alone would free less than was attached.
        """
        for directory in (self._results, self._runtimes_results):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in sandbox.attachments:
            data = libcni_cache.dump(sandbox.container_id, sandbox.netns, each)
            name = libcni_cache.file_name(sandbox.container_id, each.conf.name, each.ifname)
            atomic_file.write(self._results / name, data, 0o600)
            if each.default:
                atomic_file.write(self._runtimes_results / name, data, 0o600)
        atomic_file.write(self._multus / sandbox.container_id, multus_cache.dump(sandbox), 0o600)

    def _attachments(self, call: CniRequest) -> tuple[Attachment, ...]:
        delegates = _read(self._multus / call.container_id, multus_cache.parse) or ()
        results = list(_results(self._results, call.container_id))
        try:
            found = multus_cache.attachments(call, delegates, results)
        except NetattachError as error:
            raise _unreadable(self._multus / call.container_id, error) from error
        if any(each.ifname == call.ifname for each in found):
            return found
        return (*self._runtimes(call), *found)

    def _runtimes(self, call: CniRequest) -> Iterator[Attachment]:
        """The default network as the runtime attached it; what it attached by a meta-plugin is told elsewhere."""
        for each in map(_without_us, _results(self._runtimes_results, call.container_id)):
            if each.ifname == call.ifname and not _META & each.plugin_types:
                yield libcni_cache.attached(each, default=True)
                return


def _results(directory: Path, container_id: str) -> Iterator[Cached]:
    """Those of one container, by name in order."""
    try:
        found = sorted(path for path in directory.iterdir() if f"-{container_id}-" in path.name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unreadable(directory, error) from error
    for path in found:
        cached = _read(path, libcni_cache.parse)
        if cached is not None and cached.container_id == container_id and _is_usable(cached):
            yield cached


def _without_us(cached: Cached) -> Cached:
    """A pod that was made while we stood at the end of the default network has that network, and nothing of ours."""
    return replace(cached, config_text=uninstall_conflist.primary(cached.config_text))


def _is_usable(cached: Cached) -> bool:
    return names.is_cni_name(cached.network) and names.interface_problem(cached.ifname) is None


def _read(path: Path, parse: Callable[[bytes], _Read]) -> _Read | None:
    """None where there is no such file. Raises DecodeError, which names it."""
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, NetattachError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DecodeError:
    return DecodeError(
        f"this sandbox was attached before netattach, and {path}, which tells of it, cannot be read: {error}; "
        "fix the file, or remove it: what it told of has to be freed by hand then"
    )
