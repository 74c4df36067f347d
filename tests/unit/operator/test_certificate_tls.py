"""What a TLS client accepts of our CA, and what it refuses: OpenSSL in strict mode."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_operator import certificate_plan
from netattach_operator.certificate_plan import BUNDLE, CA, CERTIFICATE, Data, Stored
from support import certificates
from unit.operator.test_certificate_plan import NAMES, damaged

NOW = datetime.now(UTC)


def both(ca: Data, tls: Data) -> tuple[Data, Data]:
    authority = certificate_plan.plan_authority(NOW, NAMES, Stored(ca, tls)).data
    return authority, certificate_plan.plan_serving(NOW, authority, tls, NAMES).data


TODAY_CA, TODAY_TLS = both({}, {})
OTHER_CA, _ = both({}, {})


def handshake(trusted: bytes, served: Data, name: str) -> None:
    """TLS through memory, in strict mode. Raises ssl.SSLError."""
    client = ssl.create_default_context(cadata=trusted.decode())
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        certificates.server_context(served).wrap_bio(to_server, to_client, server_side=True),
    ]
    for side in sides * 3:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert "TLSv1.3" == sides[0].version()


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


@pytest.mark.parametrize(("asked", "names", "addresses"), certificates.FORGED)
def test_openssl_refuses_what_our_ca_signs_for_others(
    asked: str, names: list[str], addresses: list[str]
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=r"permitted subtree violation|excluded subtree"):
        handshake(TODAY_CA[BUNDLE], certificates.forged(TODAY_CA, names, addresses), asked)


def test_openssl_refuses_a_ca_below_ours() -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="path length constraint exceeded"):
        handshake(TODAY_CA[BUNDLE], certificates.chained(TODAY_CA), NAMES[0])


@given(st.integers(0, 2**16), st.integers(1, 255))
def test_a_damaged_certificate_raises_no_error(place: int, change: int) -> None:
    """A client accepts what is there afterwards."""
    ca = {**TODAY_CA, CA: damaged(TODAY_CA[CA], place, change), BUNDLE: b""}
    tls = {**TODAY_TLS, CERTIFICATE: damaged(TODAY_TLS[CERTIFICATE], place, change)}

    after, tls_after = both(ca, tls)

    handshake(after[BUNDLE], tls_after, NAMES[0])
