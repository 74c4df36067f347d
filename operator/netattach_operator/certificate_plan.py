"""Plans the Secrets of our CA and of the webhooks' certificate, from their data and the time. Does no I/O.

A new CA interrupts nobody: the bundle that API servers trust contains the previous CA while that is valid, and is published
before anything is signed with the new one.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from netattach_core.errors import DecodeError
from netattach_operator import x509_issuer, x509_reader
from netattach_operator.x509_reader import KeyPair

Data = Mapping[str, bytes]
"""A Secret's data, decoded."""

CA, CA_KEY, BUNDLE = "ca.crt", "ca.key", "ca-bundle.crt"
"""Keys of the CA's Secret. The webhooks' Secret has `ca.crt` too: there it is the bundle, as its readers expect."""

CERTIFICATE, KEY = "tls.crt", "tls.key"

_PREVIOUS = 2
"""CAs in the bundle in addition to the one that signs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The data of a Secret, and why it has to be written; "" where it is up to date."""

    data: dict[str, bytes]
    reason: str


def plan_authority(now: datetime, ca: Data, tls: Data, trusted: bytes = b"") -> Plan:
    """The CA's Secret. Where it is lost, the previous CAs are those of the webhooks' Secret.

    Where both are lost, they are those that API servers trust (`trusted`). This is the last resort, since others may write there.
    """
    pair = KeyPair(ca.get(CA, b""), ca.get(CA_KEY, b""))
    reason = _why_new_authority(now, pair)
    if reason:
        pair = x509_issuer.authority(now)
    kept = (ca.get(CA, b""), ca.get(BUNDLE, b""), tls.get(CA, b""))
    bundle = _bundle(now, pair.certificate, kept if any(kept) else (trusted,))
    data = {CA: pair.certificate, CA_KEY: pair.key, BUNDLE: bundle}
    return Plan(data, reason or _why_update(ca, data))


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


def _why_new_authority(now: datetime, pair: KeyPair) -> str:
    if not pair.certificate or not pair.key:
        return "it does not exist"
    try:
        known = x509_reader.read_facts(pair.certificate)
        if not x509_reader.is_pair(pair):
            return "the key is not the certificate's"
    except DecodeError as error:
        return str(error)
    return _why_not_now(now, known) if known.is_ours else "the certificate is not a CA of ours"


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


def _bundle(now: datetime, current: bytes, texts: Sequence[bytes]) -> bytes:
    """The current CA, then our previous ones that are still valid, newest first."""
    known = dict.fromkeys(itertools.chain.from_iterable(map(x509_reader.split_bundle, texts)))
    others = [(x509_reader.read_facts(one), one) for one in known if one != current]
    valid = [
        (facts.not_before, one)
        for facts, one in others
        if facts.is_ours and facts.not_before <= now < facts.not_after
    ]
    previous = [one for _, one in sorted(valid, reverse=True)]
    return b"".join([current, *previous[:_PREVIOUS]])
