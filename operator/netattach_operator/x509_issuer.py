"""Issues the CA and the serving certificate.

The keys are P-256: every TLS stack supports them, and a signature takes less than a millisecond.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netattach_operator import x509_reader
from netattach_operator.x509_reader import KeyPair

AUTHORITY_LIFE = timedelta(days=365)
SERVING_LIFE = timedelta(days=90)

BACKDATED = timedelta(hours=1)
"""From `notBefore` to the time of issue: the clocks of API servers may be behind ours."""

_NO_ADDRESSES = tuple(x509.IPAddress(ip_network(every)) for every in ("0.0.0.0/0", "::/0"))


def authority(now: datetime, names: Sequence[str]) -> KeyPair:
    """A new CA for TLS servers of these names alone.

    It has a name of its own, so that it cannot be confused with the previous one while both are trusted.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    name = _name(f"{x509_reader.CA_NAME}-{serial:x}"[:32])
    built = (
        x509.CertificateBuilder(serial_number=serial)
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + AUTHORITY_LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    for extension in _limits(names):
        built = built.add_extension(extension, critical=True)
    return _pair(built.sign(key, hashes.SHA256()), key)


def is_limited(ca: bytes, names: Sequence[str]) -> bool:
    """Whether this CA has the limits of those that `authority` issues. Raises DecodeError."""
    facts = x509_reader.read_facts(ca)
    lives = facts.not_after - facts.not_before
    return lives <= AUTHORITY_LIFE + BACKDATED and x509_reader.has_extensions(ca, _limits(names))


def _limits(names: Sequence[str]) -> list[x509.ExtensionType]:
    """What a stolen key of the CA is good for: TLS servers of these names. RFC 5280, section 4.2.1.

    Name constraints limit only the types of names that they list; so addresses have to be excluded.
    """
    return [
        x509.BasicConstraints(ca=True, path_length=0),
        _usage(key_cert_sign=True),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.NameConstraints([x509.DNSName(name) for name in names], _NO_ADDRESSES),
    ]


def serving(now: datetime, ca: KeyPair, names: Sequence[str]) -> KeyPair:
    """A certificate for a TLS server of these names; it does not outlive its CA. Raises DecodeError for an invalid CA."""
    issuer, signer = x509_reader.certificate(ca.certificate), x509_reader.key(ca.key)
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    built = (
        x509.CertificateBuilder(serial_number=x509.random_serial_number())
        .subject_name(_name(names[0][:64]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(min(now + SERVING_LIFE, issuer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(alternatives, critical=False)
        .add_extension(identifier, critical=False)
        .sign(signer, hashes.SHA256())
    )
    return _pair(built, key)


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> KeyPair:
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyPair(certificate.public_bytes(serialization.Encoding.PEM), text)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(**on: bool) -> x509.KeyUsage:
    off = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**{**off, **on})
