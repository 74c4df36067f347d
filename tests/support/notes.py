"""The shim's notes of sandboxes, as it writes them for pods without secondary networks (plugin/shim/sandbox_files.c)."""

from __future__ import annotations

from netattach_core.shim import compiled_chain, frames
from netattach_core.shim.compiled_chain import Note


def encode_note(note: Note) -> bytes:
    """The file's bytes."""
    call = note.call
    parts = [
        compiled_chain.encode(note.chain),
        _pack("C", call.netns, call.ifname, call.args, call.runtime_config),
    ]
    parts += [_pack("R", note.result)] if note.result else []
    return b"".join([*parts, compiled_chain.STATUS_WRITTEN if note.status_written else b""])


def _pack(kind: str, *fields: str) -> bytes:
    return frames.pack(ord(kind), (field.encode() for field in fields))
