"""What TLS clients accept of our CA, and what they refuse: OpenSSL in strict mode, and Go, as API servers verify."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from netattach_operator import certificate_plan, x509_issuer, x509_reader
from netattach_operator.certificate_plan import BUNDLE, CA, CA_KEY, CERTIFICATE, KEY, Data, Stored
from support import require
from unit.operator.test_certificate_plan import NAMES, damaged

NOW = datetime.now(UTC)


def both(ca: Data, tls: Data) -> tuple[Data, Data]:
    authority = certificate_plan.plan_authority(NOW, NAMES, Stored(ca, tls)).data
    return authority, certificate_plan.plan_serving(NOW, authority, tls, NAMES).data


TODAY_CA, TODAY_TLS = both({}, {})
OTHER_CA, _ = both({}, {})


def forged(
    names: Sequence[str],
    addresses: Sequence[str] = (),
    common: str = "forged",
    *,
    ca: Data = TODAY_CA,
    is_ca: bool = False,
) -> Data:
    """What the thief of a CA's key can sign: any certificate, in `tls.crt` and `tls.key`."""
    issuer, signer = x509_reader.certificate(ca[CA]), x509_reader.key(ca[CA_KEY])
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    alternatives = [*map(x509.DNSName, names), *(x509.IPAddress(ip_address(one)) for one in addresses)]
    built = (
        x509.CertificateBuilder(serial_number=x509.random_serial_number())
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .not_valid_before(NOW - timedelta(hours=1))
        .not_valid_after(NOW + timedelta(days=1))
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


FORGED = [
    pytest.param("kubernetes.default.svc", ["kubernetes.default.svc"], [], id="the API server"),
    pytest.param("other.netattach-system.svc", ["other.netattach-system.svc"], [], id="another Service"),
    pytest.param(
        "kubernetes.default.svc", [NAMES[0], "kubernetes.default.svc"], [], id="one name of ours, one not"
    ),
    pytest.param("xnetattach-webhooks", ["xnetattach-webhooks"], [], id="a name that ends like ours"),
    pytest.param("x.default.svc", ["*.default.svc"], [], id="a wildcard"),
    pytest.param("127.0.0.1", [], ["127.0.0.1"], id="an IPv4 address"),
    pytest.param("::1", [], ["::1"], id="an IPv6 address"),
    pytest.param("127.0.0.1", [NAMES[0]], ["127.0.0.1"], id="an address next to our name"),
]


def handshake(trusted: bytes, served: Data, name: str) -> None:
    """TLS through memory, in strict mode. Raises ssl.SSLError."""
    client = ssl.create_default_context(cadata=trusted.decode())
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server_context(served).wrap_bio(to_server, to_client, server_side=True),
    ]
    for side in sides * 3:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert "TLSv1.3" == sides[0].version()


def server_context(served: Data) -> ssl.SSLContext:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(served[CERTIFICATE] + served[KEY])
        file.flush()
        server.load_cert_chain(file.name)
    return server


@pytest.mark.parametrize("name", NAMES)
def test_a_client_accepts_the_certificate_for_each_name(name: str) -> None:
    handshake(TODAY_CA[BUNDLE], TODAY_TLS, name)


def test_a_client_accepts_the_old_certificate_next_to_a_new_ca() -> None:
    ca, tls = both({}, TODAY_TLS)

    handshake(ca[BUNDLE], TODAY_TLS, NAMES[0])
    handshake(ca[BUNDLE], tls, NAMES[0])


def test_a_client_refuses_another_name_and_another_ca() -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(TODAY_CA[BUNDLE], TODAY_TLS, "evil.svc")
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(OTHER_CA[BUNDLE], TODAY_TLS, NAMES[0])


@pytest.mark.parametrize(("asked", "names", "addresses"), FORGED)
def test_openssl_refuses_what_our_ca_signs_for_others(
    asked: str, names: list[str], addresses: list[str]
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=r"permitted subtree violation|excluded subtree"):
        handshake(TODAY_CA[BUNDLE], forged(names, addresses), asked)


def chained() -> Data:
    """A certificate for our name, of a CA that our CA has signed."""
    below = forged([NAMES[0]], is_ca=True)
    leaf = forged([NAMES[0]], common="below", ca={CA: below[CERTIFICATE], CA_KEY: below[KEY]})
    return {**leaf, CERTIFICATE: leaf[CERTIFICATE] + below[CERTIFICATE]}


def test_openssl_refuses_a_ca_below_ours() -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="path length constraint exceeded"):
        handshake(TODAY_CA[BUNDLE], chained(), NAMES[0])


def seen_by_go(directory: Path, served: Data, name: str) -> str:
    """What kubectl, a program of Go, says of a server: "" where it accepts the certificate."""
    kubectl = require.command("kubectl")
    trusted = directory / "ca.crt"
    trusted.write_bytes(TODAY_CA[BUNDLE])
    kubeconfig = directory / "config"
    kubeconfig.write_text("{}")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    async def asked() -> tuple[bytes, bytes]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server_context(served))
        async with server:
            port = server.sockets[0].getsockname()[1]
            process = await asyncio.create_subprocess_exec(
                *(kubectl, f"--kubeconfig={kubeconfig}", f"--certificate-authority={trusted}"),
                *(
                    f"--server=https://127.0.0.1:{port}",
                    f"--tls-server-name={name}",
                    "--token=x",
                    "get",
                    "--raw",
                    "/x",
                ),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
            )
            return await process.communicate()

    output, errors = asyncio.run(asked())
    return "" if b"ok" == output else errors.decode()


@pytest.mark.parametrize("name", NAMES)
def test_go_accepts_the_certificate_for_each_name(tmp_path: Path, name: str) -> None:
    assert "" == seen_by_go(tmp_path, TODAY_TLS, name)


@pytest.mark.parametrize(("asked", "names", "addresses"), FORGED)
def test_go_refuses_what_our_ca_signs_for_others(
    tmp_path: Path, asked: str, names: list[str], addresses: list[str]
) -> None:
    said = seen_by_go(tmp_path, forged(names, addresses), asked)

    assert "is not authorized to sign for this name" in said


def test_go_refuses_a_ca_below_ours(tmp_path: Path) -> None:
    assert "too many intermediates for path length constraint" in seen_by_go(tmp_path, chained(), NAMES[0])


@given(st.integers(0, 2**16), st.integers(1, 255))
def test_a_damaged_certificate_raises_no_error(place: int, change: int) -> None:
    """A client accepts what is there afterwards."""
    ca = {**TODAY_CA, CA: damaged(TODAY_CA[CA], place, change), BUNDLE: b""}
    tls = {**TODAY_TLS, CERTIFICATE: damaged(TODAY_TLS[CERTIFICATE], place, change)}

    after, tls_after = both(ca, tls)

    handshake(after[BUNDLE], tls_after, NAMES[0])
