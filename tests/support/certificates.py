"""CAs that netattach does not issue: those of earlier versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from netattach_operator import x509_reader

EARLIER_LIFE = timedelta(days=5 * 365)
EARLIER_LIMITS: Sequence[x509.ExtensionType] = (x509.BasicConstraints(ca=True, path_length=0),)


def authority(
    now: datetime, life: timedelta = EARLIER_LIFE, limits: Sequence[x509.ExtensionType] = EARLIER_LIMITS
) -> dict[str, bytes]:
    """The data of the CA's Secret; by default as versions before name constraints wrote it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{x509_reader.CA_NAME}-earlier")])
    built = (
        x509.CertificateBuilder(serial_number=x509.random_serial_number())
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .not_valid_before(now)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    for limit in limits:
        built = built.add_extension(limit, critical=True)
    text = built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"ca.crt": text, "ca.key": private, "ca-bundle.crt": text}
