"""The shim's records of sandboxes, as it writes them for pods without secondary networks (plugin/shim/sandbox_files.c)."""

from __future__ import annotations

from netattach_core.shim import compiled_chain, frames
from netattach_core.shim.compiled_chain import Record


def encode_record(record: Record) -> bytes:
    """The file's bytes."""
    call = record.call
    parts = [
        compiled_chain.encode(record.chain),
        _pack("C", call.netns, call.ifname, call.args, call.runtime_config),
    ]
    parts += [_pack("R", record.result)] if record.result else []
    return b"".join([*parts, compiled_chain.STATUS_WRITTEN if record.status_written else b""])


def _pack(kind: str, *fields: str) -> bytes:
    return frames.pack(ord(kind), (field.encode() for field in fields))
