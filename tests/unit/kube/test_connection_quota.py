"""Which connection makes room for a new one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netattach_kube.connection_quota import ConnectionQuota, Slot


class Connections:
    """A quota, and the connections that it has closed, by name."""

    def __init__(self, total: int, per_address: int) -> None:
        self.quota = ConnectionQuota(total, per_address)
        self.closed: list[str] = []

    def open(self, address: str, name: str = "") -> Slot:
        slot = self.quota.take(address, lambda: self.closed.append(name))
        assert slot is not None
        return slot

    def idle(self, address: str, name: str = "") -> Slot:
        """One that has sent a valid request, and is kept alive."""
        slot = self.open(address, name)
        self.quota.begin(slot)
        self.quota.end(slot, valid=True)
        return slot

    def busy(self, address: str, name: str = "") -> Slot:
        slot = self.open(address, name)
        self.quota.begin(slot)
        return slot


def test_below_the_limits_no_connection_is_closed() -> None:
    connections = Connections(4, 2)
    for address in ("a", "a", "b", "b"):
        connections.open(address)

    assert (4, []) == (connections.quota.count, connections.closed)


def test_an_address_at_its_limit_closes_its_own_oldest_connection() -> None:
    connections = Connections(10, 2)
    connections.open("other", "other")
    for name in ("first", "second", "third", "fourth"):
        connections.open("a", name)

    assert (3, ["first", "second"]) == (connections.quota.count, connections.closed)


def test_a_connection_that_was_never_used_makes_room_before_one_that_is_kept_alive() -> None:
    connections = Connections(3, 3)
    connections.idle("a", "idle")
    connections.open("a", "new")
    connections.open("a", "newer")
    connections.open("a")

    assert ["new"] == connections.closed


def test_of_connections_that_are_kept_alive_the_one_unused_for_longest_makes_room() -> None:
    connections = Connections(2, 2)
    first, _ = connections.idle("a", "first"), connections.idle("a", "second")
    connections.quota.begin(first)
    connections.quota.end(first, valid=True)
    connections.open("a")

    assert ["second"] == connections.closed


def test_the_address_with_the_most_connections_makes_room() -> None:
    connections = Connections(4, 4)
    connections.open("a", "small")
    for name in ("flood1", "flood2", "flood3"):
        connections.open("b", name)
    connections.open("c")

    assert ["flood1"] == connections.closed


def test_an_address_that_has_sent_a_valid_request_makes_room_last() -> None:
    connections = Connections(4, 4)
    connections.idle("api-server", "idle")
    connections.open("api-server", "api server's new one")
    connections.open("api-server", "another")
    connections.open("stranger", "stranger")
    connections.open("new")

    assert ["stranger"] == connections.closed


def test_a_connection_with_a_request_in_progress_is_never_closed() -> None:
    connections = Connections(2, 2)
    connections.busy("a", "busy")
    connections.busy("a", "busy")

    assert connections.quota.take("a", lambda: None) is None
    assert connections.quota.take("b", lambda: None) is None
    assert (2, []) == (connections.quota.count, connections.closed)


def test_an_invalid_request_earns_no_place() -> None:
    connections = Connections(2, 2)
    slot = connections.busy("a", "invalid")
    connections.quota.end(slot, valid=False)
    connections.idle("a", "idle")
    connections.open("a")

    assert ["invalid"] == connections.closed
    assert not slot.is_used


def test_a_slot_is_released_once() -> None:
    connections = Connections(2, 2)
    slot = connections.open("a")
    connections.open("a")
    for _ in range(2):
        connections.quota.release(slot)
    connections.quota.begin(slot)
    connections.quota.end(slot, valid=True)

    assert 1 == connections.quota.count
    assert not connections.quota.is_known(slot)


def test_an_address_is_known_as_long_as_a_connection_with_a_valid_request_is_open() -> None:
    connections = Connections(4, 4)
    new, idle = connections.open("a"), connections.idle("a")
    stranger = connections.open("b")

    assert (True, False) == (connections.quota.is_known(new), connections.quota.is_known(stranger))
    connections.quota.begin(idle)
    assert connections.quota.is_known(new)
    connections.quota.release(idle)
    assert not connections.quota.is_known(new)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["open", "begin", "end", "close"]))))
def test_the_count_is_that_of_the_open_connections_and_within_the_limits(
    events: list[tuple[str, str]],
) -> None:
    quota, open_slots = ConnectionQuota(5, 3), dict[Slot, None]()
    for address, event in events:
        slot = next((each for each in open_slots if each.address == address), None)
        if event == "open":
            taken: list[Slot] = []
            new = quota.take(address, lambda taken=taken: open_slots.pop(taken[0]))  # type: ignore[misc]  # bound at once
            if new is not None:
                taken.append(new)
                open_slots[new] = None
        elif slot is None:
            continue
        elif event == "close":
            quota.release(slot)
            del open_slots[slot]
        elif event == "begin":
            quota.begin(slot)
        else:
            quota.end(slot, valid=True)
        assert len(open_slots) == quota.count <= 5
        assert all(sum(each.address == a for each in open_slots) <= 3 for a in "abcd")
