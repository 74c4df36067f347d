"""What the owner distrusts: an annotation on the CA's Secret requests it, two others record what was done. Does no I/O.

`netattach.io/distrust: <any value>` distrusts the keys of all CAs that are trusted at that time, once for each value. The record
is written together with the new CA, so that a restart at any moment repeats nothing and forgets nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

REQUESTED = "netattach.io/distrust"
OBSERVED = "netattach.io/distrust-observed"
KEYS = "netattach.io/distrusted-keys"

_SIGNIFICANT = 128
"""Characters of a value: all annotations of an object share 256 KiB, and this one is written twice."""

_REMEMBERED = 16
"""Keys. Older ones are in no bundle; the record is for what returns from a backup."""


@dataclass(frozen=True, slots=True)
class Distrust:
    """`requested` is the value that the owner has set, `observed` the last one that was carried out; None where there is none.

    `keys` are the `key_id`s of CAs that are distrusted, newest first.
    """

    requested: str | None = None
    observed: str | None = None
    keys: tuple[str, ...] = ()

    @property
    def is_due(self) -> bool:
        """Whether the request has not been carried out yet."""
        return self.requested is not None and self.requested != self.observed

    def carried_out(self, keys: Iterable[str]) -> Distrust:
        """With these keys distrusted too."""
        known = tuple(dict.fromkeys((*keys, *self.keys)))
        return replace(self, observed=self.requested, keys=known[:_REMEMBERED])

    def annotations(self) -> dict[str, str]:
        """The record, to be written on the CA's Secret; empty where nothing was ever distrusted."""
        record = {} if self.observed is None else {OBSERVED: self.observed}
        return {**record, KEYS: ",".join(self.keys)} if self.keys else record


NOTHING = Distrust()


def from_annotations(annotations: Mapping[str, str]) -> Distrust:
    """Any text is valid: a record that was edited names keys that no CA has."""
    requested, observed = annotations.get(REQUESTED), annotations.get(OBSERVED)
    return Distrust(
        requested=None if requested is None else requested[:_SIGNIFICANT],
        observed=observed,
        keys=tuple(key for key in annotations.get(KEYS, "").split(",") if key),
    )
