"""Certificates and keys as PEM texts, taken apart."""

from __future__ import annotations

import warnings
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
"""The names of our CAs begin so."""

_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, as PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Facts:
    """What has to be known of a certificate in order to validate it."""

    begins: datetime
    ends: datetime
    is_ours: bool
    """An undamaged CA of the name that we give to ours."""

    names: frozenset[str]


def facts(text: bytes) -> Facts:
    """Raises DecodeError for what is no certificate."""
    read = certificate(text)
    try:
        common = read.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        constraints = _extension(read, x509.BasicConstraints)
        alternatives = _extension(read, x509.SubjectAlternativeName)
    except _UNREADABLE as error:
        raise DecodeError("the certificate cannot be read") from error
    return Facts(
        begins=read.not_valid_before_utc,
        ends=read.not_valid_after_utc,
        is_ours=bool(
            common
            and str(common[0].value).startswith(CA_NAME)
            and constraints
            and constraints.ca
            and is_signed_by(text, text)
        ),
        names=frozenset(alternatives.get_values_for_type(x509.DNSName) if alternatives else ()),
    )


def belong_together(pair: Pair) -> bool:
    """Whether this is the certificate's key. Raises DecodeError where one cannot be read."""
    read, private = certificate(pair.certificate), key(pair.key)
    try:
        return bool(read.public_key() == private.public_key())
    except _UNREADABLE as error:
        raise DecodeError("the certificate cannot be read") from error


def is_signed_by(text: bytes, ca: bytes) -> bool:
    """Raises DecodeError where one cannot be read."""
    signed, signer = certificate(text), certificate(ca)
    try:
        signed.verify_directly_issued_by(signer)
    except (InvalidSignature, *_UNREADABLE):
        return False
    return True


def split(bundle: bytes) -> list[bytes]:
    """The certificates of a text that holds any number of them; what cannot be read is left out."""
    parts = bundle.split(b"-----END CERTIFICATE-----")[:-1]
    texts = [part[part.find(b"-----BEGIN") :] + b"-----END CERTIFICATE-----\n" for part in parts]
    return [text for text in texts if _is_certificate(text)]


def _is_certificate(text: bytes) -> bool:
    try:
        facts(text)
    except DecodeError:
        return False
    return True


def _extension(read: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return read.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def certificate(text: bytes) -> x509.Certificate:
    """Raises DecodeError also for what the library has only just not refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            return x509.load_pem_x509_certificate(text)
    except (*_UNREADABLE, CryptographyDeprecationWarning) as error:
        raise DecodeError("the certificate cannot be read") from error


def key(text: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        read = serialization.load_pem_private_key(text, password=None)
    except _UNREADABLE as error:
        raise DecodeError("the key cannot be read") from error
    if not isinstance(read, ec.EllipticCurvePrivateKey):
        raise DecodeError("the key is not one for ECDSA")
    return read
