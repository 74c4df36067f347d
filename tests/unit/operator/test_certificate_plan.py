"""Which certificates are issued when, and how long which CA stays trusted."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_operator import certificate_plan, x509_issuer, x509_reader
from netattach_operator.certificate_plan import (
    BUNDLE,
    CA,
    CA_KEY,
    CERTIFICATE,
    KEY,
    AuthorityPlan,
    Data,
    Plan,
    Stored,
)
from support import certificates

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY, YEAR = timedelta(days=1), timedelta(days=365)
NAMES = ("netattach-webhooks.netattach-system.svc", "netattach-webhooks")


def authority(now: datetime, ca: Data, tls: Data) -> AuthorityPlan:
    return certificate_plan.plan_authority(now, NAMES, Stored(ca, tls))


def both(now: datetime, ca: Data, tls: Data) -> tuple[AuthorityPlan, Plan]:
    planned = authority(now, ca, tls)
    return planned, certificate_plan.plan_serving(now, planned.data, tls, NAMES)


FIRST_CA, FIRST_TLS = both(NOW, {}, {})
GOOD_CA, GOOD_TLS = FIRST_CA.data, FIRST_TLS.data


def test_missing_certificates_are_issued() -> None:
    assert ("it does not exist", "it does not exist") == (FIRST_CA.reason, FIRST_TLS.reason)
    assert {CA, CA_KEY, BUNDLE} == GOOD_CA.keys()
    assert {CERTIFICATE, KEY, CA} == GOOD_TLS.keys()
    assert GOOD_CA[CA] == GOOD_CA[BUNDLE] == GOOD_TLS[CA]


def test_valid_certificates_are_kept() -> None:
    assert (AuthorityPlan(GOOD_CA, ""), Plan(GOOD_TLS, "")) == both(NOW, GOOD_CA, GOOD_TLS)


def test_additional_keys_are_no_reason_to_write() -> None:
    assert "" == authority(NOW, {**GOOD_CA, "note": b"x"}, GOOD_TLS).reason


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
        pytest.param(243 * DAY, "", id="before two thirds of its life"),
        pytest.param(244 * DAY, "it expires on 2027-11-24", id="after two thirds"),
        pytest.param(366 * DAY, "it expired on 2027-11-24 12:00", id="after its end"),
        pytest.param(-2 * DAY, "it is not valid before 2026-11-24 11:00", id="a clock that was wrong"),
    ],
)
def test_the_ca_is_renewed_in_time(later: timedelta, reason: str) -> None:
    assert reason == authority(NOW + later, GOOD_CA, GOOD_TLS).reason


LATER = NOW + 244 * DAY
NEXT_CA, NEXT_TLS = (plan.data for plan in both(LATER, GOOD_CA, GOOD_TLS))
"""After a renewal of the CA."""


@pytest.mark.parametrize("passed", [timedelta(0), timedelta(hours=23, minutes=59)])
def test_a_previous_ca_stays_trusted_for_a_day_after_the_last_certificate_was_replaced(
    passed: timedelta,
) -> None:
    """API servers and webhooks see the new one at different times."""
    assert [NEXT_CA[CA], GOOD_CA[CA]] == x509_reader.split_bundle(NEXT_CA[BUNDLE])
    assert x509_reader.is_signed_by(NEXT_TLS[CERTIFICATE], NEXT_CA[CA])
    assert (AuthorityPlan(NEXT_CA, ""), Plan(NEXT_TLS, "")) == both(LATER + passed, NEXT_CA, NEXT_TLS)


def test_a_previous_ca_is_removed_a_day_after_the_last_certificate_was_replaced() -> None:
    ca, tls = both(LATER + DAY, NEXT_CA, NEXT_TLS)

    assert ("its bundle has changed", "its bundle has changed") == (ca.reason, tls.reason)
    assert ca.data[CA] == NEXT_CA[CA] == ca.data[BUNDLE] == tls.data[CA]
    assert tls.data[CERTIFICATE] == NEXT_TLS[CERTIFICATE]


def test_a_removal_that_was_interrupted_is_completed() -> None:
    """The webhooks' Secret still has the bundle from before, which is no reason to restore the CA."""
    ca = authority(LATER + DAY, NEXT_CA, NEXT_TLS)

    again, tls = both(LATER + DAY, ca.data, NEXT_TLS)

    assert ("", "its bundle has changed") == (again.reason, tls.reason)
    assert NEXT_CA[CA] == tls.data[CA]


UNSERVED = [
    pytest.param(GOOD_TLS, id="the certificate of the previous CA"),
    pytest.param({}, id="no certificate"),
    pytest.param({**NEXT_TLS, KEY: b"x"}, id="a key that cannot be read"),
    pytest.param({**NEXT_TLS, KEY: GOOD_TLS[KEY]}, id="another's key"),
    pytest.param({**NEXT_TLS, CERTIFICATE: b"x"}, id="a certificate that cannot be read"),
]


@pytest.mark.parametrize("tls", UNSERVED)
@pytest.mark.parametrize("passed", [DAY, 100 * DAY, 2 * YEAR])
def test_a_previous_ca_stays_trusted_while_the_webhooks_have_no_other_certificate(
    tls: Data, passed: timedelta
) -> None:
    """They continue to serve the previous one, whatever the clock says."""
    kept = x509_reader.split_bundle(authority(LATER + passed, NEXT_CA, tls).data[BUNDLE])

    assert GOOD_CA[CA] in kept


def test_the_ca_of_the_served_certificate_stays_in_a_full_bundle() -> None:
    """The CA is lost again and again, and each time the operator is stopped before the webhooks get a certificate."""
    ca: Data = GOOD_CA
    for minute in range(1, 6):
        ca = authority(NOW + timedelta(minutes=minute), {BUNDLE: ca[BUNDLE]}, GOOD_TLS).data

    assert GOOD_CA[CA] in x509_reader.split_bundle(ca[BUNDLE])


@pytest.mark.parametrize("back", [timedelta(minutes=30), DAY, 300 * DAY, 2 * YEAR])
def test_a_clock_that_is_set_back_removes_no_ca(back: timedelta) -> None:
    ca, tls = both(LATER - back, NEXT_CA, NEXT_TLS)

    assert {NEXT_CA[CA], GOOD_CA[CA]} <= set(x509_reader.split_bundle(ca.data[BUNDLE]))
    assert x509_reader.is_signed_by(tls.data[CERTIFICATE], ca.data[CA])


@pytest.mark.parametrize("years", [1, 2, 20])
def test_a_clock_that_jumps_ahead_and_back_removes_no_ca(years: int) -> None:
    """The webhooks refuse certificates that are not valid yet, and continue to serve the one from before."""
    ahead, ahead_tls = both(NOW + years * YEAR, GOOD_CA, GOOD_TLS)
    back, back_tls = both(NOW + timedelta(hours=1), ahead.data, ahead_tls.data)

    assert GOOD_CA[CA] in x509_reader.split_bundle(ahead.data[BUNDLE])
    assert GOOD_CA[CA] in x509_reader.split_bundle(back.data[BUNDLE])
    assert x509_reader.read_facts(back_tls.data[CERTIFICATE]).not_before == NOW


def test_the_next_removal_is_a_day_after_the_certificate_was_issued() -> None:
    assert LATER + DAY == certificate_plan.next_removal(AuthorityPlan(NEXT_CA, ""), Plan(NEXT_TLS, ""))
    assert certificate_plan.next_removal(FIRST_CA, FIRST_TLS) is None


def test_an_upgrade_replaces_a_ca_without_limits_and_trusts_it_for_another_day() -> None:
    old = certificates.authority(NOW - YEAR)
    old_tls = certificate_plan.plan_serving(NOW - DAY, old, {}, NAMES).data

    ca, tls = both(NOW, old, old_tls)
    after = authority(NOW + DAY, ca.data, tls.data)

    assert "the CA is not limited to a year and to the names of the webhooks" == ca.reason
    assert [ca.data[CA], old[CA]] == x509_reader.split_bundle(ca.data[BUNDLE])
    assert ca.data[CA] == after.data[BUNDLE]


def test_a_ca_of_our_limits_that_lives_for_longer_than_a_year_is_replaced() -> None:
    """Nobody but netattach has signed with it, but it would be good for as long as it says."""
    limits = x509_issuer._limits(NAMES)

    assert "" == authority(NOW, certificates.authority(NOW, YEAR, limits), {}).reason
    assert "the CA is not limited" in authority(NOW, certificates.authority(NOW, 2 * YEAR, limits), {}).reason


def test_a_ca_for_other_names_is_replaced() -> None:
    """The Service has been renamed; the previous CA cannot sign for its new name."""
    plan = certificate_plan.plan_authority(NOW, ["other.svc"], Stored(GOOD_CA, GOOD_TLS))

    assert "the CA is not limited to a year and to the names of the webhooks" == plan.reason
    assert GOOD_CA[CA] in x509_reader.split_bundle(plan.data[BUNDLE])


def test_a_lost_ca_is_restored_to_the_bundle_from_the_webhooks_secret() -> None:
    """Until they have a certificate of the new one, they serve that of the old one."""
    ca, tls = both(NOW, {}, GOOD_TLS)

    assert [ca.data[CA], GOOD_CA[CA]] == x509_reader.split_bundle(ca.data[BUNDLE])
    assert "it is not signed by the current CA" == tls.reason


def test_the_bundle_has_at_most_two_previous_cas() -> None:
    ca, tls = GOOD_CA, GOOD_TLS
    for minute in range(5):
        now = NOW + timedelta(minutes=minute)
        ca = authority(now, {BUNDLE: ca[BUNDLE]}, tls).data

    assert 3 == len(x509_reader.split_bundle(ca[BUNDLE]))
    assert ca[CA] == x509_reader.split_bundle(ca[BUNDLE])[0]


def test_a_foreign_ca_does_not_get_into_the_bundle() -> None:
    foreign = x509_issuer.serving(
        NOW, x509_reader.KeyPair(GOOD_CA[CA], GOOD_CA[CA_KEY]), ["netattach-ca-of-somebody"]
    )

    plan = authority(NOW, {**GOOD_CA, BUNDLE: foreign.certificate}, {})

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
    plan = authority(NOW, {**GOOD_CA, **broken}, GOOD_TLS)

    assert plan.reason.startswith(reason)
    assert GOOD_CA[CA] != plan.data[CA]
    assert "" == authority(NOW, plan.data, {}).reason


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
