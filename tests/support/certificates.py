"""Certificates that netattach does not issue: the CA of earlier versions, and what a thief of a CA's key signs."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netattach_operator import x509_issuer, x509_reader
from netattach_operator.certificate_plan import CA, CA_KEY, CERTIFICATE, KEY, Data
from netattach_operator.settings import Settings

OUR_NAME = Settings().names[0]

EARLIER_LIFE = timedelta(days=5 * 365)
EARLIER_LIMITS: Sequence[x509.ExtensionType] = (
    x509.BasicConstraints(ca=True, path_length=0),
    x509_issuer._usage(key_cert_sign=True, crl_sign=True),
)


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


FORGED = [  # the name that a client asks for, the names and addresses in the certificate
    pytest.param("kubernetes.default.svc", ["kubernetes.default.svc"], [], id="the API server"),
    pytest.param("other.netattach-system.svc", ["other.netattach-system.svc"], [], id="another Service"),
    pytest.param(
        "kubernetes.default.svc", [OUR_NAME, "kubernetes.default.svc"], [], id="one name of ours, one not"
    ),
    pytest.param("xnetattach-webhooks", ["xnetattach-webhooks"], [], id="a name that ends like ours"),
    pytest.param("x.default.svc", ["*.default.svc"], [], id="a wildcard"),
    pytest.param("127.0.0.1", [], ["127.0.0.1"], id="an IPv4 address"),
    pytest.param("::1", [], ["::1"], id="an IPv6 address"),
    pytest.param("127.0.0.1", [OUR_NAME], ["127.0.0.1"], id="an address next to our name"),
]


def forged(
    ca: Data,
    names: Sequence[str],
    addresses: Sequence[str] = (),
    common: str = "forged",
    *,
    is_ca: bool = False,
) -> Data:
    """What the thief of a CA's key can sign: any certificate, in `tls.crt` and `tls.key`."""
    now = datetime.now(UTC)
    issuer, signer = x509_reader.certificate(ca[CA]), x509_reader.key(ca[CA_KEY])
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    alternatives = [*map(x509.DNSName, names), *(x509.IPAddress(ip_address(one)) for one in addresses)]
    built = (
        x509.CertificateBuilder(serial_number=x509.random_serial_number())
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    )
    if is_ca:
        built = (
            built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509_issuer._usage(key_cert_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
    return {
        CERTIFICATE: built.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
        KEY: key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    }


def chained(ca: Data) -> Data:
    """A certificate for our name, of a CA that this CA has signed."""
    below = forged(ca, [OUR_NAME], is_ca=True)
    leaf = forged({CA: below[CERTIFICATE], CA_KEY: below[KEY]}, [OUR_NAME], common="below")
    return {**leaf, CERTIFICATE: leaf[CERTIFICATE] + below[CERTIFICATE]}


def server_context(served: Data) -> ssl.SSLContext:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(served[CERTIFICATE] + served[KEY])
        file.flush()
        server.load_cert_chain(file.name)
    return server
