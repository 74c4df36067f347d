"""What stands around the engine, in a cluster as on files: turns, debts, what recovers, and the server."""

from __future__ import annotations

from collections.abc import Callable

from netattach_plugin.calls.call_queue import CallQueue
from netattach_plugin.calls.pending_deletes import PendingDeletes
from netattach_plugin.calls.recovery import Recovery
from netattach_plugin.calls.sandbox_lock import SandboxLocks
from netattach_plugin.calls.server import Server
from netattach_plugin.engine.engine import Engine
from netattach_plugin.ports import Ledger, StatusSink, Store
from netattach_plugin.settings import Settings


def build(
    read: Settings,
    engine: Engine,
    *,
    ledger: Ledger,
    store: Store,
    status: StatusSink,
    observe: Callable[[str, bool, float], None] = lambda *_: None,
) -> tuple[Server, Recovery]:
    """They share the turns and what is owed."""
    turns = CallQueue(read.calls_at_once, SandboxLocks(read.socket).taken_if_free)
    debts = PendingDeletes(engine.settle, turns)
    recovery = Recovery(
        ledger=ledger, debts=debts, turns=turns, store=store, status=status, sweep_after=read.sweep_after
    )
    server = Server(read.socket, engine, turns, debts, call_deadline=read.call_deadline, observe=observe)
    return server, recovery
