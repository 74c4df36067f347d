"""How many connections a server holds, in total and for each client address, and which one makes room for a new one.

Room is made by closing a connection without a request in progress: first one that has never sent a valid request, then one
that is kept alive. Of these, the oldest one of the address with the most connections; addresses that have sent a valid request
come last. So a client that opens many connections closes its own, and not those of the API server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Slot:
    """The place of one connection; `close` closes it at once."""

    address: str
    close: Callable[[], None]
    is_used: bool = False
    """Whether it has sent a valid request."""

    is_busy: bool = False
    """Whether a request is in progress."""


@dataclass(slots=True)
class _Client:
    """The connections of one address. `new` and `idle` have no request in progress, and are ordered by age."""

    new: dict[Slot, None] = field(default_factory=dict)
    idle: dict[Slot, None] = field(default_factory=dict)
    busy: dict[Slot, None] = field(default_factory=dict)

    def count(self) -> int:
        return len(self.new) + len(self.idle) + len(self.busy)

    def is_known(self) -> bool:
        """Whether one of its open connections has sent a valid request."""
        return bool(self.idle) or any(slot.is_used for slot in self.busy)

    def of(self, slot: Slot) -> dict[Slot, None]:
        """The group that a slot belongs to."""
        if slot.is_busy:
            return self.busy
        return self.idle if slot.is_used else self.new


class ConnectionQuota:
    """At most `total` connections, and at most `per_address` from one address."""

    def __init__(self, total: int, per_address: int) -> None:
        self._total = total
        self._per_address = per_address
        self._clients: dict[str, _Client] = {}
        self._count = 0

    @property
    def count(self) -> int:
        """The number of connections."""
        return self._count

    def take(self, address: str, close: Callable[[], None]) -> Slot | None:
        """A slot for a new connection, for which another connection may be closed; None if all have requests in progress."""
        if not self._make_room(address):
            return None
        slot = Slot(address, close)
        self._clients.setdefault(address, _Client()).new[slot] = None
        self._count += 1
        return slot

    def release(self, slot: Slot) -> None:
        """The connection is closed; more than one call has no effect."""
        client = self._clients.get(slot.address)
        if client is None or slot not in client.of(slot):
            return
        del client.of(slot)[slot]
        slot.close = _nothing  # so that slot and connection do not keep each other
        self._count -= 1
        if not client.count():
            del self._clients[slot.address]

    def begin(self, slot: Slot) -> None:
        """A request is in progress, so the connection is not closed to make room."""
        self._move(slot, is_busy=True, is_used=slot.is_used)

    def end(self, slot: Slot, *, valid: bool) -> None:
        """No request is in progress any more; `valid` if it was one that this server is for."""
        self._move(slot, is_busy=False, is_used=slot.is_used or valid)

    def is_known(self, slot: Slot) -> bool:
        """Whether an open connection of its address has sent a valid request."""
        client = self._clients.get(slot.address)
        return client is not None and client.is_known()

    def _move(self, slot: Slot, *, is_busy: bool, is_used: bool) -> None:
        """Into another group, as its youngest member; a slot that was released stays released."""
        client = self._clients.get(slot.address)
        if client is None or slot not in client.of(slot):
            return
        del client.of(slot)[slot]
        slot.is_busy, slot.is_used = is_busy, is_used
        client.of(slot)[slot] = None

    def _make_room(self, address: str) -> bool:
        client = self._clients.get(address)
        if client is not None and client.count() >= self._per_address:
            return self._evict([client])
        return self._count < self._total or self._evict(self._clients.values())

    def _evict(self, clients: Iterable[_Client]) -> bool:
        """Closes a connection of one of these clients; False if all of them have requests in progress."""
        clients = list(clients)
        new = [client for client in clients if client.new]
        candidates = new or [client for client in clients if client.idle]
        if not candidates:
            return False
        client = max(candidates, key=lambda each: (not each.is_known(), each.count()))
        slot = next(iter(client.new if new else client.idle))
        close = slot.close
        self.release(slot)
        close()
        return True


def _nothing() -> None:
    return
