"""Plans the Secrets of our CA and of the webhooks' certificate, from their data and the time. Does no I/O.

A new CA interrupts nobody: the bundle that API servers trust contains the previous CA as well, until nothing is served under it
any more. How long the webhooks have had a certificate of the new CA needs no record: the certificate has the time of its issue.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from netattach_core.errors import DecodeError
from netattach_operator import x509_issuer, x509_reader
from netattach_operator.certificate_distrust import NOTHING, Distrust
from netattach_operator.x509_reader import KeyPair

Data = Mapping[str, bytes]
"""A Secret's data, decoded."""

CA, CA_KEY, BUNDLE = "ca.crt", "ca.key", "ca-bundle.crt"
"""Keys of the CA's Secret. The webhooks' Secret has `ca.crt` too: there it is the bundle, as its readers expect."""

CERTIFICATE, KEY = "tls.crt", "tls.key"

_PREVIOUS = 2
"""CAs in the bundle in addition to the one that signs."""

_KEPT = timedelta(hours=24)
"""How long a previous CA stays trusted once the webhooks' Secret has a certificate of the new one.

A replica serves what the Secret has within a second. Without a connection to the API server it takes as long as that is missing.
"""

_KEPT_IF_DISTRUSTED = timedelta(seconds=30)
"""A replica that has lost its watch starts another one within 5 s."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What there is: the data of both Secrets, the CAs that API servers trust, and what the owner distrusts."""

    ca: Data = field(default_factory=dict)
    tls: Data = field(default_factory=dict)
    trusted: bytes = b""
    distrust: Distrust = NOTHING


@dataclass(frozen=True, slots=True)
class Plan:
    """The data of a Secret, and why it has to be written; "" where it is up to date."""

    data: dict[str, bytes]
    reason: str


@dataclass(frozen=True, slots=True)
class AuthorityPlan(Plan):
    """`distrust` is to be recorded together with the data."""

    distrust: Distrust = NOTHING


def plan_authority(now: datetime, names: Sequence[str], stored: Stored) -> AuthorityPlan:
    """The CA's Secret. Where it is lost, the previous CAs are those of the webhooks' Secret.

    Where both are lost, they are those that API servers trust. This is the last resort, since others may write there.
    """
    known, distrust = _known_cas(stored), stored.distrust
    if distrust.is_due:
        distrust = distrust.carried_out(x509_reader.read_facts(one).key_id for one in known)
    pair = KeyPair(stored.ca.get(CA, b""), stored.ca.get(CA_KEY, b""))
    reason = _why_new_authority(now, pair, names, distrust)
    if reason:
        pair = x509_issuer.authority(now, names)
    served_since = _served_since(stored.tls, pair.certificate)
    previous = [
        one for one in known if one != pair.certificate and not _is_over(now, served_since, one, distrust)
    ]
    bundle = b"".join([pair.certificate, *_latest(previous, stored.tls)])
    data = {CA: pair.certificate, CA_KEY: pair.key, BUNDLE: bundle}
    recorded = "" if distrust == stored.distrust else "a CA is distrusted"
    return AuthorityPlan(data, reason or recorded or _why_update(stored.ca, data), distrust)


def plan_serving(now: datetime, authority: Data, tls: Data, names: Sequence[str]) -> Plan:
    """The webhooks' Secret, signed by the CA of `authority`, the data that `plan_authority` returned."""
    ca = KeyPair(authority[CA], authority[CA_KEY])
    pair = KeyPair(tls.get(CERTIFICATE, b""), tls.get(KEY, b""))
    reason = _why_new_serving(now, pair, ca.certificate, names)
    if reason:
        pair = x509_issuer.serving(now, ca, names)
    data = {CERTIFICATE: pair.certificate, KEY: pair.key, CA: authority[BUNDLE]}
    return Plan(data, reason or _why_update(tls, data))


def has_previous(authority: Data) -> bool:
    """Whether the bundle contains a previous CA, whose certificate the webhooks may still serve."""
    return len(x509_reader.split_bundle(authority[BUNDLE])) > 1


def next_removal(authority: AuthorityPlan, serving: Plan) -> datetime | None:
    """When the next of the previous CAs is to be removed from the bundle; None where there are none."""
    since = _served_since(serving.data, authority.data[CA])
    previous = x509_reader.split_bundle(authority.data[BUNDLE])[1:]
    return min((since + _kept(one, authority.distrust) for one in previous), default=None) if since else None


def _why_new_authority(now: datetime, pair: KeyPair, names: Sequence[str], distrust: Distrust) -> str:
    if not pair.certificate or not pair.key:
        return "it does not exist"
    try:
        known = x509_reader.read_facts(pair.certificate)
        if not x509_reader.is_pair(pair):
            return "the key is not the certificate's"
        if not known.is_ours:
            return "the certificate is not a CA of ours"
        if known.key_id in distrust.keys:
            return "the CA is distrusted"
        if not x509_issuer.is_limited(pair.certificate, names):
            return "the CA is not limited to a year and to the names of the webhooks"
    except DecodeError as error:
        return str(error)
    return _why_not_now(now, known)


def _why_new_serving(now: datetime, pair: KeyPair, ca: bytes, names: Sequence[str]) -> str:
    if not pair.certificate or not pair.key:
        return "it does not exist"
    try:
        known = x509_reader.read_facts(pair.certificate)
        if not x509_reader.is_pair(pair):
            return "the key is not the certificate's"
        if not x509_reader.is_signed_by(pair.certificate, ca):
            return "it is not signed by the current CA"
    except DecodeError as error:
        return str(error)
    if known.names != frozenset(names):
        return f"it is for {', '.join(sorted(known.names)) or 'no name'}"
    return _why_not_now(now, known)


def _why_not_now(now: datetime, known: x509_reader.CertificateFacts) -> str:
    """A renewal after two thirds of the lifetime leaves a third to notice that renewals fail."""
    if now < known.not_before:
        return f"it is not valid before {known.not_before:%Y-%m-%d %H:%M}"
    if now >= known.not_after:
        return f"it expired on {known.not_after:%Y-%m-%d %H:%M}"
    if now >= known.not_before + (known.not_after - known.not_before) * 2 / 3:
        return f"it expires on {known.not_after:%Y-%m-%d}"
    return ""


def _why_update(current: Data, wanted: Data) -> str:
    return "" if all(current.get(key) == value for key, value in wanted.items()) else "its bundle has changed"


def _known_cas(stored: Stored) -> list[bytes]:
    """All CAs of ours. A distrusted one that has left the bundle does not return from elsewhere."""
    own = (stored.ca.get(CA, b""), stored.ca.get(BUNDLE, b""))
    served = stored.tls.get(CA, b"")
    elsewhere = served if any((*own, served)) else stored.trusted
    allowed = _ours(*own)
    returned = [one for one in _ours(elsewhere) if not _is_distrusted(one, stored.distrust)]
    return list(dict.fromkeys([*allowed, *returned]))


def _ours(*texts: bytes) -> list[bytes]:
    found = itertools.chain.from_iterable(map(x509_reader.split_bundle, texts))
    return [one for one in found if x509_reader.read_facts(one).is_ours]


def _is_distrusted(ca: bytes, distrust: Distrust) -> bool:
    return x509_reader.read_facts(ca).key_id in distrust.keys


def _kept(ca: bytes, distrust: Distrust) -> timedelta:
    return _KEPT_IF_DISTRUSTED if _is_distrusted(ca, distrust) else _KEPT


def _is_over(now: datetime, served_since: datetime | None, ca: bytes, distrust: Distrust) -> bool:
    """Whether nothing is served under this previous CA any more."""
    return served_since is not None and now >= served_since + _kept(ca, distrust)


def _served_since(tls: Data, ca: bytes) -> datetime | None:
    """When the webhooks got a certificate of this CA; None where they have none that can be served."""
    pair = KeyPair(tls.get(CERTIFICATE, b""), tls.get(KEY, b""))
    try:
        if x509_reader.is_pair(pair) and x509_reader.is_signed_by(pair.certificate, ca):
            return x509_reader.read_facts(pair.certificate).not_before + x509_issuer.BACKDATED
    except DecodeError:
        pass
    return None


def _latest(previous: Sequence[bytes], tls: Data) -> list[bytes]:
    """Those that a bundle has room for, newest first: the one of the certificate that is served is always among them."""

    def age(ca: bytes) -> datetime:
        return x509_reader.read_facts(ca).not_before

    by_need = sorted(previous, key=lambda ca: (_served_since(tls, ca) is not None, age(ca)), reverse=True)
    return sorted(by_need[:_PREVIOUS], key=age, reverse=True)
