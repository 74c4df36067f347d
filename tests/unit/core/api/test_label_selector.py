"""Label selectors in kubectl's syntax."""

from __future__ import annotations

import pytest

from netattach_core.api import label_selector

TEXTS = ["network=fast", "network!=fast", "network", "!network", "zone in (a, b)", "zone notin (a, b)"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_requirement_is_written_as_it_is_read(text: str) -> None:
    parsed = label_selector.parse(text)

    assert parsed is not None
    assert [text] == [each.text for each in parsed]


@pytest.mark.parametrize("text", [",a" * 10_000, "a in (" + "b," * 10_000, "a in (b" + "," * 10_000])
def test_a_selector_that_is_longer_than_any_real_one_is_not_parsed(text: str) -> None:
    """Parsing would take a second, during which a daemon answers no other call."""
    assert None is label_selector.parse(text)


def test_a_long_selector_is_parsed() -> None:
    text = "zone in (" + ",".join(f"zone-{number}" for number in range(400)) + ")"

    parsed = label_selector.parse(text)

    assert parsed is not None
    assert parsed[0].met({"zone": "zone-399"})
