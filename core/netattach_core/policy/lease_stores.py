"""Stores of leases: host-local keeps them in a directory of the node, by the network's name, whoever chose the name.

A network with the name and ranges of another one can use up its addresses; with other ranges it corrupts the store too, since
both write the same files. See docs/decisions for what the other IPAM plugins keep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.policy import exemptions
from netattach_core.policy.case import Findings, NetworkCase, ask, rule
from netattach_core.text.finding import Finding
from netattach_core.validation import footprint
from netattach_core.validation.footprint import HOST_LOCAL_DIR, Store
from netattach_core.validation.memoize import cache_last

LEASE_STORE = rule("policy-lease-store", "leases in the store of somebody else's network")

RULES = (LEASE_STORE,)

_YOUNGEST = "~"
"""Sorts after every timestamp: of a network that does not exist yet."""


def check_network(case: NetworkCase) -> Findings:
    """A store of a network of the nodes' own files, or of an older network of another namespace with other ranges."""
    mine = footprint.from_nad(case.nad)
    taken = _of_nodes(exemptions.nodes_of(case.nad, case.around.nodes)) if mine.stores else {}
    for store in mine.stores:
        name = _taken_name(store.directory, taken)
        if name is not None:
            problem = f"its leases would be in {store.directory}, {_whose(name, taken)}: its pods could use up those addresses"
            yield _found(case, problem)
        elif any(other != store for other in _older(case, store)):
            problem = (
                f"its leases would be in {store.directory}, like those of an older network of another namespace, which has other "
                "ranges: each would corrupt the leases of the other"
            )
            yield _found(case, problem)


def check_copies(case: NetworkCase) -> Findings:
    """A store of an older network of another namespace with the same ranges."""
    for store in footprint.from_nad(case.nad).stores:
        others = list(_older(case, store))
        if others and all(other == store for other in others):
            problem = (
                f"its leases would be in {store.directory}, like those of an older network of another namespace with the same "
                "ranges: its pods could use up the addresses there"
            )
            yield _found(case, problem)


def _found(case: NetworkCase, problem: str) -> Finding:
    fix = f"use another `name`, or {ask(case.policy, exemptions.TRUST)}"
    return case.network.top.found(LEASE_STORE, problem, fix, "name")


def _older(case: NetworkCase, store: Store) -> Iterator[Store]:
    """The same store of networks of other namespaces that were there before."""
    nad = case.nad
    for (namespace, _), (other, known) in case.around.footprints.with_store(store.directory).items():
        if namespace != nad.namespace and _age(other) < _age(nad):
            yield from (each for each in known.stores if each.directory == store.directory)


def _age(nad: Nad) -> tuple[str, str]:
    """Sorts the older network first. The API server sets both, so that no author can change them."""
    return nad.created or _YOUNGEST, nad.uid


@cache_last
def _of_nodes(nodes: Sequence[NodeInventory]) -> Mapping[str, str]:
    """The names of the networks in the nodes' own files, each with one of the nodes."""
    return {name: node.node for node in nodes for name in _names(node)}


def _names(node: NodeInventory) -> Iterator[str]:
    yield from (each.name for each in node.networks or ())
    if node.primary is not None:
        yield node.primary.name


def _taken_name(directory: str, taken: Mapping[str, str]) -> str | None:
    """The node's network whose leases may be there, "" for all of them: files of nodes may set any `dataDir`."""
    if f"{HOST_LOCAL_DIR}/".startswith(f"{directory}/"):
        return ""
    own = directory.rpartition("/")[2]
    below = directory.removeprefix(f"{HOST_LOCAL_DIR}/").partition("/")[0]
    return next((name for name in (own, below) if name in taken), None)


def _whose(name: str, taken: Mapping[str, str]) -> str:
    if not name:
        return "which has those of all networks"
    return f"where {name}, a network of {taken[name]}'s own files, may have its leases"
