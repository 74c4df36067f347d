"""The caches of Multus and of the runtime: attachments of sandboxes that are not in the ledger.

<multus>/<container id>                          Multus' list of networks
<multus>/results/<network>-<container>-<if>      libcni's cache of an attachment that Multus made
<libcni>/results/<network>-<container>-<if>      libcni's cache of an attachment that the runtime made
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
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
    """The port AttachmentCaches over two directories, which need not exist."""

    def __init__(self, multus: Path, libcni: Path) -> None:
        self._multus = multus
        self._results = multus / "results"
        self._runtimes_results = libcni / "results"

    async def attachments(self, call: CniRequest) -> tuple[Attachment, ...]:
        return await asyncio.to_thread(self._attachments, call)

    async def forget(self, sandbox: Sandbox) -> None:
        """Removes the sandbox's files, of which hardly ever one exists; Multus' directories are on few nodes."""
        container_id, attachments = sandbox.container_id, sandbox.attachments
        results = [
            libcni_cache.file_name(container_id, each.config.name, each.ifname) for each in attachments
        ]
        of_multus = [
            libcni_cache.file_name(container_id, multus_cache.NAME, each.ifname) for each in attachments
        ]
        for directory, files in (
            (self._multus, [container_id]),
            (self._results, results),
            (self._runtimes_results, results + of_multus),
        ):
            if directory.is_dir():
                _remove(directory, files)

    def export(self, sandbox: Sandbox) -> None:
        """Writes the sandbox as if Multus had attached all of it, and the runtime the default network. Raises OSError.

        Multus' list is written after its results: with the list alone Multus would release less than was attached.
        The runtime gets the result alone, as libcni before 0.8 kept it and all later ones read it: CRI-O releases what its cache
        has, which is its call of netattach, and refuses the DEL of a sandbox with two networks for one interface.
        """
        for directory in (self._results, self._runtimes_results):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in sandbox.attachments:
            data = libcni_cache.dump(sandbox.container_id, sandbox.netns, each)
            name = libcni_cache.file_name(sandbox.container_id, each.config.name, each.ifname)
            atomic_file.write_if_changed(self._results / name, data, 0o600)
            if each.default and each.result:
                atomic_file.write_if_changed(self._runtimes_results / name, each.result.encode(), 0o600)
        atomic_file.write_if_changed(self._multus / sandbox.container_id, multus_cache.dump(sandbox), 0o600)

    def _attachments(self, call: CniRequest) -> tuple[Attachment, ...]:
        delegates = _read(self._multus / call.container_id, multus_cache.parse) or ()
        results = list(_results(self._results, call.container_id))
        try:
            found = multus_cache.attachments(call, delegates, results)
        except NetattachError as error:
            raise _unreadable(self._multus / call.container_id, error) from error
        if any(each.ifname == call.ifname for each in found):
            return found
        return (*self._default_network(call), *found)

    def _default_network(self, call: CniRequest) -> Iterator[Attachment]:
        """The default network as the runtime attached it; skips its calls of meta-plugins, which have records of their own."""
        for each in map(_without_netattach, _results(self._runtimes_results, call.container_id)):
            if each.ifname == call.ifname and not _META & each.plugin_types:
                yield libcni_cache.attached(each, default=True)
                return


def _results(directory: Path, container_id: str) -> Iterator[Cached]:
    """Those of one container, by file name."""
    try:
        found = sorted(path for path in directory.iterdir() if _is_result(path.name, container_id))
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unreadable(directory, error) from error
    for path in found:
        cached = _read(path, libcni_cache.parse)
        if cached is not None and cached.container_id == container_id and _is_usable(cached):
            yield cached


def _remove(directory: Path, files: Iterable[str]) -> None:
    for name in files:
        path = directory / name
        try:
            path.unlink(missing_ok=True)
        except OSError as error:  # its attachments are released, and a second DEL of them does no harm
            _log.warning("%s cannot be removed: %s", path, error)


def _is_result(name: str, container_id: str) -> bool:
    """A hidden file is a temporary one, which a killed process may have left incomplete."""
    return f"-{container_id}-" in name and not name.startswith(".")


def _without_netattach(cached: Cached) -> Cached:
    """Removes the shim that an uninstall appended: pods created after it have the default network alone."""
    return replace(cached, config_text=uninstall_conflist.without_netattach(cached.config_text))


def _is_usable(cached: Cached) -> bool:
    return names.is_cni_name(cached.network) and names.interface_problem(cached.ifname) is None


def _read(path: Path, parse: Callable[[bytes], _Read]) -> _Read | None:
    """None without such a file. Raises DecodeError with the path."""
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, NetattachError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DecodeError:
    return DecodeError(
        f"this sandbox was attached before netattach was installed, and its record {path} cannot be read: {error}; "
        "fix the file, or remove it and release by hand what it recorded"
    )
