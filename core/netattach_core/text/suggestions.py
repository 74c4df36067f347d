"""Did you mean …: the word that is meant by one that is not known."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

_MOST = 2
"""Slips in one word."""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that differs by case and separators alone, or else by one slip (two in a long word); None if unsure."""
    candidates = list(known)
    plain, letters = _plain(word)
    near = []
    for candidate in candidates:
        other, others = _known(candidate)
        if other == plain:
            return candidate
        # Each slip takes away one letter at most, and adds one at most.
        if (letters & ~others).bit_count() <= _MOST and (others & ~letters).bit_count() <= _MOST:
            near.append((other, candidate))
    if not near:
        return None
    best, candidate = min((slips(plain, other), candidate) for other, candidate in near)
    return candidate if best <= _tolerance(max(len(plain), len(candidate))) else None


def alike(one: str, other: str) -> bool:
    """Whether two words differ by case and separators alone."""
    return _plain(one)[0] == _plain(other)[0]


def _plain(word: str) -> tuple[str, int]:
    """The word without separators and case, and a bit for each of its letters (one for several, in the rare alphabets)."""
    plain = re.sub(r"[-_. ]", "", word).casefold()
    letters = 0
    for letter in set(plain):
        letters |= 1 << ord(letter) % 128
    return plain, letters


_known = functools.lru_cache(maxsize=1024)(_plain)
"""Known words are few, and asked for again and again."""


def _tolerance(length: int) -> int:
    """Short words differ by one letter without being meant: tap and tag, vrf and vlan."""
    if length <= 3:
        return 0
    return 1 if length <= 8 else 2


def slips(one: str, other: str) -> int:
    """Letters missing, added, wrong, or exchanged with their neighbour (Damerau's distance between neighbours).

    More than anybody asks for are not counted further.
    """
    if abs(len(one) - len(other)) > _MOST:
        return _MOST + 1
    earlier, above = [0] * (len(other) + 1), list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and (a, b) == (other[j - 2], one[i - 2]):
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        earlier, above = above, row
        if min(above) > _MOST and min(earlier) > _MOST:
            return _MOST + 1
    return min(above[-1], _MOST + 1)
