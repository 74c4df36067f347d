"""What has to be in the Secrets of our CA and of the webhooks' certificate. Decisions only: the clock and the data come in.

A new CA never cuts anybody off: the bundle that API servers are told to trust holds the old one as long as it is valid, and is
told to them before anything is signed with the new one.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from netattach_core.errors import DecodeError
from netattach_operator import issue, pem
from netattach_operator.pem import Pair

Data = Mapping[str, bytes]
"""A Secret's data, decoded."""

CA, CA_KEY, BUNDLE = "ca.crt", "ca.key", "ca-bundle.crt"
"""Keys of the CA's Secret. The webhooks' has `ca.crt` too: there it is the bundle, as its readers expect."""

CERTIFICATE, KEY = "tls.crt", "tls.key"

_PREVIOUS = 2
"""CAs that are trusted beside the one that signs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a Secret should hold, and why it has to be written; "" where it holds that."""

    data: dict[str, bytes]
    reason: str


def plan_authority(now: datetime, ca: Data, tls: Data, told: bytes = b"") -> Plan:
    """The CA's Secret. Where it is lost, the webhooks' still knows whom to trust until they have a new certificate.

    Where both are lost, what API servers were `told` says it; they are not asked before, as others may write there too.
    """
    pair = Pair(ca.get(CA, b""), ca.get(CA_KEY, b""))
    reason = _why_new_authority(now, pair)
    if reason:
        pair = issue.authority(now)
    kept = (ca.get(CA, b""), ca.get(BUNDLE, b""), tls.get(CA, b""))
    bundle = _bundle(now, pair.certificate, kept if any(kept) else (told,))
    data = {CA: pair.certificate, CA_KEY: pair.key, BUNDLE: bundle}
    return Plan(data, reason or _why_another(ca, data))


def plan_serving(now: datetime, authority: Data, tls: Data, names: Sequence[str]) -> Plan:
    """The webhooks' Secret, under the CA of `authority`, which is what `plan_authority` wants."""
    ca = Pair(authority[CA], authority[CA_KEY])
    pair = Pair(tls.get(CERTIFICATE, b""), tls.get(KEY, b""))
    reason = _why_new_serving(now, pair, ca.certificate, names)
    if reason:
        pair = issue.serving(now, ca, names)
    data = {CERTIFICATE: pair.certificate, KEY: pair.key, CA: authority[BUNDLE]}
    return Plan(data, reason or _why_another(tls, data))


def has_previous(authority: Data) -> bool:
    """Whether API servers are to trust another CA too, under which somebody may be serving."""
    return len(pem.split(authority[BUNDLE])) > 1


def _why_new_authority(now: datetime, pair: Pair) -> str:
    if not pair.certificate or not pair.key:
        return "there is none"
    try:
        known = pem.facts(pair.certificate)
        if not pem.belong_together(pair):
            return "the key is not the certificate's"
    except DecodeError as error:
        return str(error)
    return _why_not_now(now, known) if known.is_ours else "the certificate is no CA of ours"


def _why_new_serving(now: datetime, pair: Pair, ca: bytes, names: Sequence[str]) -> str:
    if not pair.certificate or not pair.key:
        return "there is none"
    try:
        known = pem.facts(pair.certificate)
        if not pem.belong_together(pair):
            return "the key is not the certificate's"
        if not pem.is_signed_by(pair.certificate, ca):
            return "it is not signed by the present CA"
    except DecodeError as error:
        return str(error)
    if known.names != frozenset(names):
        return f"it is for {', '.join(sorted(known.names)) or 'no name'}"
    return _why_not_now(now, known)


def _why_not_now(now: datetime, known: pem.Facts) -> str:
    """Two thirds of a life leave a third to notice that renewing does not work."""
    if now < known.begins:
        return f"it is not valid before {known.begins:%Y-%m-%d %H:%M}"
    if now >= known.ends:
        return f"it has expired on {known.ends:%Y-%m-%d %H:%M}"
    if now >= known.begins + (known.ends - known.begins) * 2 / 3:
        return f"it expires on {known.ends:%Y-%m-%d}"
    return ""


def _why_another(there: Data, wanted: Data) -> str:
    return "" if all(there.get(key) == value for key, value in wanted.items()) else "its bundle is another"


def _bundle(now: datetime, current: bytes, texts: Sequence[bytes]) -> bytes:
    """The present CA, then those of ours before it that are still valid, newest first."""
    known = dict.fromkeys(itertools.chain.from_iterable(map(pem.split, texts)))
    others = [(pem.facts(one), one) for one in known if one != current]
    valid = [
        (facts.begins, one) for facts, one in others if facts.is_ours and facts.begins <= now < facts.ends
    ]
    previous = [one for _, one in sorted(valid, reverse=True)]
    return b"".join([current, *previous[:_PREVIOUS]])
