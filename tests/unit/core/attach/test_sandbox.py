"""The ledger's entry: written, read, and refused if invalid."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.api.pod import PodRef
from netattach_core.attach import sandbox
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.errors import DecodeError, LaterReleaseError

ENTRY = Sandbox(
    "c1", "/n", PodRef("ns", "p", "u"), Phase.ADDED, (Attachment("ns/a", "net1", "{ }", "a", result="{}"),)
)
_texts = st.text(st.characters(exclude_categories=["Cs"]))
_attachments = st.builds(
    Attachment,
    network=_texts,
    ifname=_texts,
    config_text=_texts,
    config_name=_texts,
    default=st.booleans(),
    args=st.dictionaries(_texts, _texts),
    runtime_config=st.dictionaries(_texts, st.lists(_texts)),
    cni_args=st.dictionaries(_texts, st.integers()),
    result=_texts,
    default_route=st.none() | st.lists(_texts).map(tuple),
    native=st.lists(st.integers(0, 9)).map(tuple),
)
_sandboxes = st.builds(
    Sandbox,
    container_id=_texts,
    netns=_texts,
    pod=st.none() | st.builds(PodRef, _texts, _texts, _texts),
    phase=st.sampled_from(Phase),
    attachments=st.lists(_attachments, min_size=1).map(tuple),
    status=_texts,
    netns_id=_texts,
)


@given(_sandboxes)
def test_an_entry_is_read_as_written(entry: Sandbox) -> None:
    """Byte for byte: DEL uses the configuration of ADD."""
    assert entry == sandbox.parse(sandbox.dump(entry))


@given(st.binary())
def test_garbage_is_refused(data: bytes) -> None:
    """With a DecodeError."""
    with pytest.raises(DecodeError):
        sandbox.parse(data)


@given(st.integers(0, len(sandbox.dump(ENTRY)) - 1))
def test_a_truncated_entry_is_refused(length: int) -> None:
    """After a power cut, on a file system that lost a synced write."""
    with pytest.raises(DecodeError):
        sandbox.parse(sandbox.dump(ENTRY)[:length])


@given(_sandboxes, _sandboxes)
def test_the_last_record_counts(first: Sandbox, last: Sandbox) -> None:
    records = sandbox.dump(first) + sandbox.dump_appended(first) + sandbox.dump_appended(last)

    assert last == sandbox.parse(records)


@given(_sandboxes, _sandboxes, st.data())
def test_an_entry_whose_last_record_is_cut_off_is_refused(
    first: Sandbox, lost: Sandbox, data: st.DataObject
) -> None:
    """The pod may run, and the first record says that its ADD has not ended. What is appended later counts."""
    appended = sandbox.dump_appended(lost)
    rest = appended[: data.draw(st.integers(2, len(appended) - 1))]

    with pytest.raises(DecodeError):
        sandbox.parse(sandbox.dump(first) + rest)
    assert lost == sandbox.parse(sandbox.dump(first) + rest + appended)


@given(_sandboxes)
def test_an_entry_that_has_lost_its_last_record_is_what_was_synced(first: Sandbox) -> None:
    """Also with the line break of the next record."""
    assert first == sandbox.parse(sandbox.dump(first) + b"\n")


@given(_sandboxes, _sandboxes)
def test_a_record_is_appended_to_an_entry_of_an_earlier_release(first: Sandbox, last: Sandbox) -> None:
    """Which was indented, so it has line breaks."""
    indented = json.dumps(json.loads(sandbox.dump(first)), indent=1).encode()

    assert first == sandbox.parse(indented)
    assert last == sandbox.parse(indented + sandbox.dump_appended(last))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version": 1', b'"version": "2"'),
        (b'"version": 1', b'"version": 0'),
        (b'"added"', b'"x"'),
        (b'"{ }"', b"5"),
    ],
)
def test_an_entry_of_another_format_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(DecodeError):
        sandbox.parse(sandbox.dump(ENTRY).replace(old, new))


@pytest.mark.parametrize("record", [sandbox.dump(ENTRY), sandbox.dump(ENTRY) + sandbox.dump_appended(ENTRY)])
def test_an_entry_of_a_later_release_is_refused_with_what_to_do(record: bytes) -> None:
    with pytest.raises(
        LaterReleaseError, match=r"has format 2, .* and this one reads 1; install that release again"
    ):
        sandbox.parse(record.replace(b'"version": 1', b'"version": 2'))


def test_an_entry_of_an_earlier_release_has_neither_drivers_nor_an_identity() -> None:
    """They came with native drivers; both are optional."""
    text = sandbox.dump(ENTRY).replace(b'"netnsID": "",', b"")

    assert (b"native" in text, b"netnsID" in text) == (False, False)
    assert ENTRY == sandbox.parse(text)


@pytest.mark.parametrize("native", [b'["0"]', b"0", b"[true]", b"[0.5]"])
def test_an_entry_with_unreadable_drivers_is_refused(native: bytes) -> None:
    text = sandbox.dump(ENTRY).replace(b'"result":', b'"native": ' + native + b', "result":')

    with pytest.raises(DecodeError, match="native is not a list of numbers"):
        sandbox.parse(text)
