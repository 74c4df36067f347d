"""The error object, and the text of errors on DEL."""

from __future__ import annotations

from netattach_core.cni import error as cni_error
from netattach_core.errors import DecodeError


def test_the_error_object() -> None:
    """CNI SPEC, section 5, "Error"."""
    error = DecodeError("no", details="why")

    assert b'{"cniVersion": "0.3.1", "code": 6, "msg": "no", "details": "why"}' == cni_error.to_json(
        error, "0.3.1"
    )


def test_an_error_of_del_has_no_phrase_that_containerd_treats_as_success() -> None:
    """containerd forgets the attachment then."""
    text = cni_error.for_delete("Link not found; open /x: no such file or directory")

    assert "Link missing; open /x: no such path" == text
