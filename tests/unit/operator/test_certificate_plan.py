"""Which certificates are issued when, and that a TLS client accepts them."""

from __future__ import annotations

import base64
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_operator import certificate_plan, x509_issuer, x509_reader
from netattach_operator.certificate_plan import BUNDLE, CA, CA_KEY, CERTIFICATE, KEY, Data, Plan

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY, YEAR = timedelta(days=1), timedelta(days=365)
NAMES = ("netattach-webhooks.netattach-system.svc", "netattach-webhooks")


def both(now: datetime, ca: Data, tls: Data) -> tuple[Plan, Plan]:
    authority = certificate_plan.plan_authority(now, ca, tls)
    return authority, certificate_plan.plan_serving(now, authority.data, tls, NAMES)


FIRST_CA, FIRST_TLS = both(NOW, {}, {})
GOOD_CA, GOOD_TLS = FIRST_CA.data, FIRST_TLS.data


def test_missing_certificates_are_issued() -> None:
    assert ("it does not exist", "it does not exist") == (FIRST_CA.reason, FIRST_TLS.reason)
    assert {CA, CA_KEY, BUNDLE} == GOOD_CA.keys()
    assert {CERTIFICATE, KEY, CA} == GOOD_TLS.keys()
    assert GOOD_CA[CA] == GOOD_CA[BUNDLE] == GOOD_TLS[CA]


def test_valid_certificates_are_kept() -> None:
    assert (Plan(GOOD_CA, ""), Plan(GOOD_TLS, "")) == both(NOW, GOOD_CA, GOOD_TLS)


def test_additional_keys_are_no_reason_to_write() -> None:
    assert "" == certificate_plan.plan_authority(NOW, {**GOOD_CA, "note": b"x"}, GOOD_TLS).reason


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        pytest.param(59 * DAY, "", id="before two thirds of its life"),
        pytest.param(61 * DAY, "it expires on 2027-02-22", id="after two thirds"),
        pytest.param(91 * DAY, "it expired on 2027-02-22 12:00", id="after its end"),
        pytest.param(-2 * DAY, "it is not valid before 2026-11-24 11:00", id="a clock that was wrong"),
    ],
)
def test_the_serving_certificate_is_renewed_in_time(later: timedelta, reason: str) -> None:
    plan = certificate_plan.plan_serving(NOW + later, GOOD_CA, GOOD_TLS, NAMES)

    assert reason == plan.reason
    assert bool(reason) == (plan.data[CERTIFICATE] != GOOD_TLS[CERTIFICATE])


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        pytest.param(3 * YEAR, "", id="before two thirds of its life"),
        pytest.param(3.4 * YEAR, "it expires on 2031-11-23", id="after two thirds"),
        pytest.param(6 * YEAR, "it expired on 2031-11-23 12:00", id="after its end"),
    ],
)
def test_the_ca_is_renewed_in_time(later: timedelta, reason: str) -> None:
    assert reason == certificate_plan.plan_authority(NOW + later, GOOD_CA, GOOD_TLS).reason


def test_a_previous_ca_stays_trusted_while_it_is_valid() -> None:
    """API servers and webhooks see the new one at different times."""
    later = NOW + 3.4 * YEAR

    ca, tls = both(later, GOOD_CA, GOOD_TLS)

    assert [ca.data[CA], GOOD_CA[CA]] == x509_reader.split_bundle(ca.data[BUNDLE])
    assert x509_reader.is_signed_by(tls.data[CERTIFICATE], ca.data[CA])
    assert (Plan(ca.data, ""), Plan(tls.data, "")) == both(later, ca.data, tls.data)


def test_a_previous_ca_is_removed_when_it_expires() -> None:
    ca, tls = both(NOW + 3.4 * YEAR, GOOD_CA, GOOD_TLS)

    after, tls_after = both(NOW + 5.1 * YEAR, ca.data, tls.data)

    assert "its bundle has changed" == after.reason
    assert after.data[CA] == ca.data[CA] == after.data[BUNDLE] == tls_after.data[CA]


def test_a_lost_ca_is_restored_to_the_bundle_from_the_webhooks_secret() -> None:
    """Until they have a certificate of the new one, they serve that of the old one."""
    ca, tls = both(NOW, {}, GOOD_TLS)

    assert [ca.data[CA], GOOD_CA[CA]] == x509_reader.split_bundle(ca.data[BUNDLE])
    assert "it is not signed by the current CA" == tls.reason


def test_the_bundle_has_at_most_two_previous_cas() -> None:
    ca, tls = GOOD_CA, GOOD_TLS
    for minute in range(5):
        now = NOW + timedelta(minutes=minute)
        ca = certificate_plan.plan_authority(now, {BUNDLE: ca[BUNDLE]}, tls).data

    assert 3 == len(x509_reader.split_bundle(ca[BUNDLE]))
    assert ca[CA] == x509_reader.split_bundle(ca[BUNDLE])[0]


def test_a_foreign_ca_does_not_get_into_the_bundle() -> None:
    foreign = x509_issuer.serving(
        NOW, x509_reader.KeyPair(GOOD_CA[CA], GOOD_CA[CA_KEY]), ["netattach-ca-of-somebody"]
    )

    plan = certificate_plan.plan_authority(NOW, {**GOOD_CA, BUNDLE: foreign.certificate}, {})

    assert GOOD_CA[CA] == plan.data[BUNDLE]


def damaged(certificate: bytes, place: int, change: int = 1) -> bytes:
    """With one byte changed."""
    raw = bytearray(base64.b64decode(b"".join(certificate.splitlines()[1:-1])))
    raw[place % len(raw)] ^= change
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(raw) + b"-----END CERTIFICATE-----\n"


OTHER_CA, OTHER_TLS = (plan.data for plan in both(NOW, {}, {}))


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param({CA: b""}, "it does not exist", id="no certificate"),
        pytest.param({CA_KEY: b""}, "it does not exist", id="no key"),
        pytest.param({CA: b"x"}, "the certificate cannot be read", id="no PEM"),
        pytest.param({CA_KEY: b"x"}, "the key cannot be read", id="a key that is no PEM"),
        pytest.param({CA_KEY: OTHER_CA[CA_KEY]}, "the key is not the certificate's", id="another's key"),
        pytest.param(
            {CA: damaged(GOOD_CA[CA], -1)}, "the certificate is not a CA of ours", id="a damaged signature"
        ),
        pytest.param(
            {CA: GOOD_TLS[CERTIFICATE], CA_KEY: GOOD_TLS[KEY]},
            "the certificate is not a CA of ours",
            id="no CA",
        ),
    ],
)
def test_a_broken_ca_is_replaced(broken: Data, reason: str) -> None:
    plan = certificate_plan.plan_authority(NOW, {**GOOD_CA, **broken}, GOOD_TLS)

    assert plan.reason.startswith(reason)
    assert GOOD_CA[CA] != plan.data[CA]
    assert "" == certificate_plan.plan_authority(NOW, plan.data, {}).reason


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param({CERTIFICATE: b""}, "it does not exist", id="no certificate"),
        pytest.param({KEY: b""}, "it does not exist", id="no key"),
        pytest.param({CERTIFICATE: b"x"}, "the certificate cannot be read", id="no PEM"),
        pytest.param({KEY: OTHER_TLS[KEY]}, "the key is not the certificate's", id="another's key"),
        pytest.param(OTHER_TLS, "it is not signed by the current CA", id="another CA's"),
        pytest.param({CA: b"x"}, "its bundle has changed", id="a broken bundle"),
    ],
)
def test_a_broken_serving_certificate_is_replaced(broken: Data, reason: str) -> None:
    plan = certificate_plan.plan_serving(NOW, GOOD_CA, {**GOOD_TLS, **broken}, NAMES)

    assert plan.reason.startswith(reason)
    assert "" == certificate_plan.plan_serving(NOW, GOOD_CA, plan.data, NAMES).reason


def test_a_certificate_for_other_names_is_replaced() -> None:
    """The Service has been renamed."""
    plan = certificate_plan.plan_serving(NOW, GOOD_CA, GOOD_TLS, ["other.svc"])

    assert f"it is for {', '.join(sorted(NAMES))}" == plan.reason
    assert {"other.svc"} == x509_reader.read_facts(plan.data[CERTIFICATE]).names


def test_a_serving_certificate_does_not_outlive_its_ca() -> None:
    """It would be refused then, and be renewed too late."""
    late = x509_reader.read_facts(GOOD_CA[CA]).not_after - 10 * DAY

    plan = certificate_plan.plan_serving(late, GOOD_CA, {}, NAMES)

    assert (
        x509_reader.read_facts(GOOD_CA[CA]).not_after
        == x509_reader.read_facts(plan.data[CERTIFICATE]).not_after
    )


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_no_error(text: bytes) -> None:
    ca, tls = both(NOW, {CA: text, CA_KEY: text, BUNDLE: text}, {CERTIFICATE: text, KEY: text, CA: text})

    assert x509_reader.is_signed_by(tls.data[CERTIFICATE], ca.data[CA])


def handshake(trusted: bytes, served: Data, name: str) -> None:
    """TLS through memory, as an API server does it, in strict mode. Raises ssl.SSLError."""
    client = ssl.create_default_context(cadata=trusted.decode())
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(server, served)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for side in sides * 3:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert "TLSv1.3" == sides[0].version()


def _load(server: ssl.SSLContext, served: Data) -> None:
    import tempfile  # noqa: PLC0415  # only here: the standard library loads keys from files alone

    with tempfile.NamedTemporaryFile() as file:
        file.write(served[CERTIFICATE] + served[KEY])
        file.flush()
        server.load_cert_chain(file.name)


TODAY_CA, TODAY_TLS = (plan.data for plan in both(datetime.now(UTC), {}, {}))


@pytest.mark.parametrize("name", NAMES)
def test_a_client_accepts_the_certificate_for_each_name(name: str) -> None:
    handshake(TODAY_CA[BUNDLE], TODAY_TLS, name)


def test_a_client_accepts_the_old_certificate_next_to_a_new_ca() -> None:
    ca, tls = both(datetime.now(UTC), {}, TODAY_TLS)

    handshake(ca.data[BUNDLE], TODAY_TLS, NAMES[0])
    handshake(ca.data[BUNDLE], tls.data, NAMES[0])


def test_a_client_refuses_another_name_and_another_ca() -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(TODAY_CA[BUNDLE], TODAY_TLS, "evil.svc")
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(OTHER_CA[BUNDLE], TODAY_TLS, NAMES[0])


@given(st.integers(0, 2**16), st.integers(1, 255))
def test_a_damaged_certificate_raises_no_error(place: int, change: int) -> None:
    """A client accepts what is there afterwards."""
    ca = {**TODAY_CA, CA: damaged(TODAY_CA[CA], place, change), BUNDLE: b""}
    tls = {**TODAY_TLS, CERTIFICATE: damaged(TODAY_TLS[CERTIFICATE], place, change)}

    after, tls_after = (plan.data for plan in both(datetime.now(UTC), ca, tls))

    handshake(after[BUNDLE], tls_after, NAMES[0])
