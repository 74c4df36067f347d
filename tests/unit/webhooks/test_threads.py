"""What is validated in a thread."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_webhooks.threads import has_many_keys


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, False),
        (None, False),
        ({"labels": [], "annotations": "x" * 1000}, False),
        ({"labels": {str(number): "" for number in range(50)}}, False),
        ({"labels": {str(number): "" for number in range(51)}}, True),
        (
            {
                "labels": {str(number): "" for number in range(30)},
                "annotations": {str(number): "" for number in range(30)},
            },
            True,
        ),
    ],
)
def test_an_object_with_many_keys_is_validated_in_a_thread(metadata: Any, expected: bool) -> None:  # noqa: FBT001  # of a table
    assert expected is has_many_keys({"metadata": metadata})
