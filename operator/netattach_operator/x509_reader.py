"""Reads certificates and keys from PEM."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from netattach_core.errors import DecodeError

T = TypeVar("T", bound=x509.ExtensionType)

CA_NAME = "netattach-ca"
"""The prefix of our CAs' common names."""

_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, as PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What the operator needs to know of a certificate."""

    not_before: datetime
    not_after: datetime
    is_ours: bool
    """It is a CA with our prefix, and its signature is valid."""

    names: frozenset[str]

    key_id: str
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER), in hexadecimal: the same for every certificate of this key."""


def read_facts(text: bytes) -> CertificateFacts:
    """Raises DecodeError where the text is not a certificate."""
    read = certificate(text)
    try:
        common = read.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        constraints = _extension(read, x509.BasicConstraints)
        alternatives = _extension(read, x509.SubjectAlternativeName)
        public = read.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except _UNREADABLE as error:
        raise DecodeError("the certificate cannot be read") from error
    return CertificateFacts(
        not_before=read.not_valid_before_utc,
        not_after=read.not_valid_after_utc,
        is_ours=bool(
            common
            and str(common[0].value).startswith(CA_NAME)
            and constraints
            and constraints.ca
            and is_signed_by(text, text)
        ),
        names=frozenset(alternatives.get_values_for_type(x509.DNSName) if alternatives else ()),
        key_id=hashlib.sha256(public).hexdigest(),
    )


def has_extensions(text: bytes, wanted: Sequence[x509.ExtensionType]) -> bool:
    """Whether the certificate has each of these extensions, with this value and critical. Raises DecodeError."""
    try:
        found = [(one.value, one.critical) for one in certificate(text).extensions]
    except _UNREADABLE as error:
        raise DecodeError("the certificate cannot be read") from error
    return all((value, True) in found for value in wanted)


def is_pair(pair: KeyPair) -> bool:
    """Whether the pair's key is its certificate's. Raises DecodeError where one of them cannot be read."""
    read, private = certificate(pair.certificate), key(pair.key)
    try:
        return bool(read.public_key() == private.public_key())
    except _UNREADABLE as error:
        raise DecodeError("the certificate cannot be read") from error


def is_signed_by(text: bytes, ca: bytes) -> bool:
    """Raises DecodeError where one of them cannot be read."""
    signed, signer = certificate(text), certificate(ca)
    try:
        signed.verify_directly_issued_by(signer)
    except (InvalidSignature, *_UNREADABLE):
        return False
    return True


def split_bundle(bundle: bytes) -> list[bytes]:
    """The certificates of a bundle; those that cannot be read are omitted."""
    parts = bundle.split(b"-----END CERTIFICATE-----")[:-1]
    texts = [part[part.find(b"-----BEGIN") :] + b"-----END CERTIFICATE-----\n" for part in parts]
    return [text for text in texts if _is_certificate(text)]


def _is_certificate(text: bytes) -> bool:
    try:
        read_facts(text)
    except DecodeError:
        return False
    return True


def _extension(read: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return read.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def certificate(text: bytes) -> x509.Certificate:
    """Raises DecodeError, also where the library only warns."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            return x509.load_pem_x509_certificate(text)
    except (*_UNREADABLE, CryptographyDeprecationWarning) as error:
        raise DecodeError("the certificate cannot be read") from error


def key(text: bytes) -> ec.EllipticCurvePrivateKey:
    """Raises DecodeError."""
    try:
        read = serialization.load_pem_private_key(text, password=None)
    except _UNREADABLE as error:
        raise DecodeError("the key cannot be read") from error
    if not isinstance(read, ec.EllipticCurvePrivateKey):
        raise DecodeError("the key is not an ECDSA key")
    return read
