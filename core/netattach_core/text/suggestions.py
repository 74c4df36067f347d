"""Did you mean …? The known word that is closest to an unknown one."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

_MAX_ERRORS = 2
"""Typing errors in one word; more are not counted."""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that differs only in case and separators, else by one typing error (two in a long word); None if unsure."""
    candidates = list(known)
    plain, letters = _plain(word)
    near = []
    for candidate in candidates:
        other, others = _known(candidate)
        if other == plain:
            return candidate
        # Each typing error removes at most one letter, and adds at most one.
        if (letters & ~others).bit_count() <= _MAX_ERRORS and (others & ~letters).bit_count() <= _MAX_ERRORS:
            near.append((other, candidate))
    if not near:
        return None
    best, candidate = min((edit_distance(plain, other), candidate) for other, candidate in near)
    return candidate if best <= _tolerance(max(len(plain), len(candidate))) else None


def alike(one: str, other: str) -> bool:
    """Whether two words differ only in case and separators."""
    return _plain(one)[0] == _plain(other)[0]


def _plain(word: str) -> tuple[str, int]:
    """The word in lower case without separators, and its letters as bits (rare letters share one)."""
    plain = re.sub(r"[-_. ]", "", word).casefold()
    letters = 0
    for letter in set(plain):
        letters |= 1 << ord(letter) % 128
    return plain, letters


_known = functools.lru_cache(maxsize=1024)(_plain)
"""Cached, since the known words are few and compared again and again."""


def _tolerance(length: int) -> int:
    """The number of typing errors to accept; short words that differ by one letter may both be right: tap and tag."""
    if length <= 3:
        return 0
    return 1 if length <= 8 else 2


def edit_distance(one: str, other: str) -> int:
    """Letters that are missing, added, wrong or exchanged with the next one (the optimal string alignment distance).

    Never more than 3: the count ends as soon as the distance is too large for a suggestion.
    """
    if abs(len(one) - len(other)) > _MAX_ERRORS:
        return _MAX_ERRORS + 1
    earlier, above = [0] * (len(other) + 1), list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and (a, b) == (other[j - 2], one[i - 2]):
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        earlier, above = above, row
        if min(above) > _MAX_ERRORS and min(earlier) > _MAX_ERRORS:
            return _MAX_ERRORS + 1
    return min(above[-1], _MAX_ERRORS + 1)
