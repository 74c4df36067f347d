"""Did you mean …: the word that is meant by one that is not known."""

from __future__ import annotations

import re
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that differs by case and separators alone, or else by one slip (two in a long word); None if unsure."""
    candidates = list(known)
    plain = _plain(word)
    for candidate in candidates:
        if _plain(candidate) == plain:
            return candidate
    ranked = sorted((slips(plain, _plain(candidate)), candidate) for candidate in candidates)
    if not ranked:
        return None
    best, candidate = ranked[0]
    return candidate if best <= _tolerance(max(len(plain), len(candidate))) else None


def _plain(word: str) -> str:
    return re.sub(r"[-_. ]", "", word).casefold()


def _tolerance(length: int) -> int:
    """Short words differ by one letter without being meant: tap and tag, vrf and vlan."""
    if length <= 3:
        return 0
    return 1 if length <= 8 else 2


def slips(one: str, other: str) -> int:
    """Letters missing, added, wrong, or exchanged with their neighbour (Damerau's distance between neighbours)."""
    if abs(len(one) - len(other)) > 2:
        return 3  # more than anybody asks for
    earlier, above = [0] * (len(other) + 1), list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and (a, b) == (other[j - 2], one[i - 2]):
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        earlier, above = above, row
    return above[-1]
