"""Notes as the shim writes them (plugin/shim/sandbox_files.c)."""

from __future__ import annotations

from netattach_core.shim import compiled_chain, frames
from netattach_core.shim.compiled_chain import Note


def encode(note: Note) -> bytes:
    """The bytes of the file."""
    call = note.call
    parts = [
        compiled_chain.encode(note.chain),
        _frame("C", call.netns, call.ifname, call.args, call.runtime_config),
    ]
    parts += [_frame("R", note.result)] if note.result else []
    return b"".join([*parts, compiled_chain.TOLD if note.told else b""])


def _frame(kind: str, *fields: str) -> bytes:
    return frames.pack(ord(kind), (field.encode() for field in fields))
