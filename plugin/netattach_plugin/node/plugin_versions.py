"""Asks a plugin's binary for the CNI versions that it supports."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import cast

from netattach_core.cni import versions

_TIMEOUT = 5.0
_LONGEST_ANSWER = 65536
"""Bytes. The reference plugins answer in a hundred, and one that prints without end would fill the daemon's memory."""


async def supported(path: Path, cni_path: str) -> tuple[str, ...]:
    """The binary's answer to VERSION; empty without a usable answer, which does not exclude it from the inventory."""
    try:
        answer = await _answer(path, cni_path)
        return tuple(str(version) for version in json.loads(answer)["supportedVersions"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()


async def _answer(path: Path, cni_path: str) -> bytes:
    """Raises OSError, ValueError for an answer that is too long. The binary has ended or is killed then."""
    transport, output = await asyncio.get_running_loop().subprocess_exec(
        _Output,
        path,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env={"CNI_COMMAND": "VERSION", "CNI_PATH": cni_path},
    )
    try:
        stdin = cast(asyncio.WriteTransport, transport.get_pipe_transport(0))
        stdin.write(json.dumps({"cniVersion": versions.NEWEST}).encode())
        stdin.close()
        async with asyncio.timeout(_TIMEOUT):
            return await output.whole
    finally:
        transport.close()  # kills it
        await output.ended.wait()


class _Output(asyncio.SubprocessProtocol):
    """`whole` is what the binary has printed, once it has ended and nobody holds its output: a child of it may, for ever.

    So `Process.wait`, which waits for both, might never return.
    """

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.whole: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._printed = bytearray()

    def pipe_data_received(self, _: int, data: bytes) -> None:
        self._printed += data
        if len(self._printed) > _LONGEST_ANSWER and not self.whole.done():
            self.whole.set_exception(ValueError(f"an answer of more than {_LONGEST_ANSWER} bytes"))

    def process_exited(self) -> None:
        self.ended.set()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.whole.done():
            self.whole.set_result(bytes(self._printed))
