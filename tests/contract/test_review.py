"""AdmissionReview of admission.k8s.io/v1, as API servers write and read it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.errors import DecodeError
from netattach_webhooks import review

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "spec": {}}


def asked(**request: Any) -> bytes:
    """As an API server of 1.34 writes it."""
    whole = {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
            "requestResource": {"group": "", "version": "v1", "resource": "pods"},
            "name": "web",
            "namespace": "shop",
            "operation": "CREATE",
            "userInfo": {"username": "kubernetes-admin", "groups": ["kubeadm:cluster-admins"]},
            "object": POD,
            "oldObject": None,
            "dryRun": False,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
            **request,
        },
    }
    return json.dumps(whole).encode()


def test_a_new_object_comes_without_an_old_one() -> None:
    read = review.decode(asked())

    assert ("705ab4f5-6393-11e8-b7cc-42010a800002", "CREATE", "Pod") == (read.uid, read.operation, read.kind)
    assert ("shop", "web", POD, None) == (read.namespace, read.name, read.object, read.old_object)


def test_an_update_comes_with_both() -> None:
    read = review.decode(asked(operation="UPDATE", oldObject={"metadata": {}}))

    assert (POD, {"metadata": {}}) == (read.object, read.old_object)


def test_a_deletion_comes_with_the_old_one_alone() -> None:
    read = review.decode(asked(operation="DELETE", object=None, oldObject=POD))

    assert (None, POD) == (read.object, read.old_object)


ABOUT = {
    "Pod shop/web": {},
    "Pod shop/web-7d9f-…": {"name": "", "object": {"metadata": {"generateName": "web-7d9f-"}}},
    "Pod shop/(unnamed)": {"name": "", "object": {"metadata": 1}},
}


@pytest.mark.parametrize(("about", "request_"), ABOUT.items(), ids=ABOUT)
def test_an_object_is_called_as_people_call_it(about: str, request_: dict[str, Any]) -> None:
    assert about == review.decode(asked(**request_)).subject


def test_an_approval_names_the_question_and_carries_warnings() -> None:
    assert {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": "u", "allowed": True, "warnings": ["a", "b"]},
    } == json.loads(review.encode("u", allowed=True, warnings=["a", "b"]))


def test_a_denial_says_why_as_forbidden() -> None:
    answer = json.loads(review.encode("u", allowed=False, message="no \ud800"))["response"]

    assert {"code": 403, "reason": "Forbidden", "message": "no \ud800"} == answer["status"]
    assert (False, "u") == (answer["allowed"], answer["uid"])
    assert "warnings" not in answer


MALFORMED = {
    "nothing": (b"", "not JSON"),
    "no JSON": (b"{", "not JSON"),
    "text behind the end": (asked() + b"}", "not JSON"),
    "another encoding": (asked().replace(b"web", b"w\xff"), "not UTF-8"),
    "a number that is none": (asked().replace(b"false", b"NaN"), "NaN"),
    "an infinite number": (asked().replace(b"false", b"-Infinity"), "-Infinity"),
    "a number of 5000 digits": (asked().replace(b"false", b"1" * 5000), "not JSON"),
    "a key twice": (asked().replace(b'"uid"', b'"uid": "x", "uid"'), "'uid' appears twice"),
    "lists nested": (b"[" * 100_000, "nested"),
    "objects nested": (b'{"a":' * 100_000, "nested"),
    "a list": (b"[]", "not an AdmissionReview"),
    "another kind": (asked().replace(b"AdmissionReview", b"AdmissionRequest"), "not an AdmissionReview"),
    "another version": (asked().replace(b"k8s.io/v1", b"k8s.io/v1beta1"), "v1beta1"),
    "no request": (b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}', "request is missing"),
    "a request that is no object": (
        b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": 1}',
        "request is not an object",
    ),
    "no uid": (asked(uid=""), "request.uid is missing"),
    "a uid that is no text": (asked(uid=1), "uid is not a string"),
    "an unknown operation": (asked(operation="PATCH"), "'PATCH'"),
    "no object": (asked(object=None), "request.object is missing"),
    "an object that is none": (asked(object=[]), "object is not an object"),
    "an update without the old object": (asked(operation="UPDATE"), "request.oldObject is missing"),
}


@pytest.mark.parametrize(("body", "text"), MALFORMED.values(), ids=MALFORMED)
def test_an_invalid_review_is_refused_with_the_reason(body: bytes, text: str) -> None:
    with pytest.raises(DecodeError, match=text) as refused:
        review.decode(body)

    assert len(str(refused.value)) < 300


def test_a_duplicate_among_many_keys_is_found_in_linear_time() -> None:
    body = b"{" + b",".join(b'"k%d":1' % min(i, 299_998) for i in range(300_000)) + b"}"
    started = time.process_time()

    with pytest.raises(DecodeError, match="appears twice"):
        review.decode(body)
    assert time.process_time() - started < 20  # about 1 s, and more than a minute if it were quadratic


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_review_or_a_clear_error(body: bytes) -> None:
    with pytest.raises(DecodeError):
        review.decode(body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("uid", "object", "oldObject", "kind", "name", "operation"), _JSON)
    )
)
def test_any_values_are_a_review_or_a_clear_error(request_: dict[str, Any]) -> None:
    try:
        read = review.decode(asked(**request_))
    except DecodeError:
        return
    assert isinstance(read.subject, str)
