"""The codec of the shim protocol: frames are read as written, in pieces of any size; garbage raises DecodeError alone."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.errors import DecodeError
from netattach_core.shim import protocol as shim_protocol
from netattach_core.shim.frames import MAX_PAYLOAD
from netattach_core.shim.protocol import Call, Decoder, Errnos, Frame, Kind, Outcome, Ran, Run, Sysctl

FIELDS = st.lists(st.binary(max_size=300), max_size=6).map(tuple)
FRAMES = st.lists(st.builds(Frame, st.sampled_from(Kind), FIELDS), max_size=5)
CUTS = st.lists(st.integers(min_value=0, max_value=3000), max_size=20)
NAMES = st.text(st.characters(exclude_characters="=\0", exclude_categories=["Cs"]))
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
NUMBERS = st.integers(min_value=0, max_value=10**18 - 1)

READERS = (shim_protocol.hello_versions, shim_protocol.call, shim_protocol.ran, shim_protocol.errnos)


def _pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The bytes, cut at these offsets."""
    at = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(at)]


def _decoded(pieces: Sequence[bytes]) -> list[Frame]:
    decoder = Decoder()
    return [frame for piece in pieces for frame in decoder.feed(piece)]


class TestFrames:
    @given(FRAMES, CUTS)
    def test_frames_are_read_from_pieces_of_any_size(self, frames: list[Frame], cuts: list[int]) -> None:
        """A stream has no message boundaries."""
        data = b"".join(map(shim_protocol.encode, frames))

        assert frames == _decoded(_pieces(data, cuts))

    @given(FRAMES, st.integers(min_value=1, max_value=4))
    def test_an_incomplete_frame_is_waited_for(self, frames: list[Frame], missing: int) -> None:
        """It is returned once it is complete."""
        data = b"".join(map(shim_protocol.encode, [*frames, Frame(Kind.CALL, (b"",))]))

        assert frames == _decoded([data[:-missing]])

    @given(st.binary(max_size=400), CUTS)
    def test_garbage_raises_nothing_but_decode_errors(self, data: bytes, cuts: list[int]) -> None:
        """The daemon has one exception to catch, and every returned frame can be encoded again."""
        try:
            frames = _decoded(_pieces(data, cuts))
        except DecodeError:
            return

        assert data.startswith(b"".join(map(shim_protocol.encode, frames)))

    @given(FRAMES.filter(bool), st.data())
    def test_mutations_raise_nothing_but_decode_errors(
        self, frames: list[Frame], data: st.DataObject
    ) -> None:
        """Almost valid input; every reader gets the resulting frames."""
        encoded = bytearray(b"".join(map(shim_protocol.encode, frames)))
        at = data.draw(st.integers(min_value=0, max_value=len(encoded) - 1))
        encoded[at] = data.draw(st.integers(min_value=0, max_value=255))
        with contextlib.suppress(DecodeError):  # the only exception that callers handle
            for frame in _decoded([bytes(encoded)]):
                for read in READERS:
                    _read(read, frame)

    def test_the_largest_frame_is_accepted(self) -> None:
        """Of exactly MAX_PAYLOAD."""
        frame = Frame(Kind.CALL, (bytes(MAX_PAYLOAD - 4),))

        assert [frame] == _decoded([shim_protocol.encode(frame)])

    def test_a_larger_frame_is_refused_by_its_length(self) -> None:
        """Before its payload is stored."""
        with pytest.raises(DecodeError, match="at most"):
            Decoder().feed((MAX_PAYLOAD + 1).to_bytes(4, "little") + b"C")

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            (b"\0\0\0\0?", "kind"),
            (b"\x03\0\0\0C\x01\0\0", "length is truncated"),
            (b"\x05\0\0\0C\x02\0\0\0x", "field is truncated"),
        ],
    )
    def test_an_invalid_frame_is_an_error_with_its_problem(self, data: bytes, problem: str) -> None:
        with pytest.raises(DecodeError, match=problem):
            Decoder().feed(data)


class TestHello:
    @given(NUMBERS, NUMBERS)
    def test_the_versions_are_a_range(self, lowest: int, highest: int) -> None:
        """Including both ends."""
        frame = Frame(Kind.HELLO, (b"netattach", b"%d" % lowest, b"%d" % highest, b"build"))

        assert range(lowest, highest + 1) == shim_protocol.hello_versions(frame)

    @pytest.mark.parametrize(
        "frame",
        [
            Frame(Kind.CALL, (b"netattach", b"1", b"1")),
            Frame(Kind.HELLO, (b"multus", b"1", b"1")),
            Frame(Kind.HELLO, (b"netattach", b"1")),
            Frame(Kind.HELLO, (b"netattach", b"one", b"1")),
            Frame(Kind.HELLO, (b"netattach", b"1", b"-1")),
            # a superscript two, which is a digit for str.isdigit alone
            Frame(Kind.HELLO, (b"netattach", b"1", b"\xc2\xb2")),
        ],
    )
    def test_an_invalid_hello_is_refused(self, frame: Frame) -> None:
        """Another kind, another magic, too few fields, invalid numbers."""
        with pytest.raises(DecodeError):
            shim_protocol.hello_versions(frame)


class TestCall:
    @given(st.dictionaries(NAMES, VALUES, max_size=6), st.binary(max_size=300))
    def test_variables_and_input_are_read(self, environment: dict[str, str], stdin: bytes) -> None:
        """A value may contain anything, including an equals sign."""
        variables = (f"{key}={value}".encode() for key, value in environment.items())

        assert Call(environment, stdin) == shim_protocol.call(Frame(Kind.CALL, (stdin, *variables)))

    @pytest.mark.parametrize(
        "frame", [Frame(Kind.CALL), Frame(Kind.RAN, (b"",)), Frame(Kind.CALL, (b"", b"CNI_A=\xff"))]
    )
    def test_an_invalid_call_is_a_decode_error(self, frame: Frame) -> None:
        """No fields, another kind, a variable that is not UTF-8."""
        with pytest.raises(DecodeError):
            shim_protocol.call(frame)


class TestRunAndRan:
    @given(NUMBERS, st.sampled_from(Outcome), NUMBERS, st.binary(max_size=300), st.binary(max_size=300))
    def test_a_ran_is_read(
        self, id_: int, outcome: Outcome, number: int, stdout: bytes, stderr: bytes
    ) -> None:
        """Every outcome, with both streams."""
        frame = Frame(Kind.RAN, (b"%d" % id_, outcome.encode(), b"%d" % number, stdout, stderr))

        assert Ran(id_, outcome, number, stdout, stderr) == shim_protocol.ran(frame)

    @pytest.mark.parametrize(
        "fields",
        [
            (b"1", b"exited", b"0", b""),
            (b"1", b"vanished", b"0", b"", b""),
            (b"1", b"\xff", b"0", b"", b""),
            (b"x", b"exited", b"0", b"", b""),
            (b"1", b"exited", b"", b"", b""),
            (b"1", b"exited", b"9" * 19, b"", b""),
        ],
    )
    def test_an_invalid_ran_is_a_decode_error(self, fields: tuple[bytes, ...]) -> None:
        """Too few fields, an unknown outcome, invalid or too long numbers."""
        with pytest.raises(DecodeError):
            shim_protocol.ran(Frame(Kind.RAN, fields))

    @given(st.dictionaries(NAMES, VALUES, max_size=6), st.binary(max_size=300))
    def test_a_run_is_written_as_the_shim_reads_it(self, environment: dict[str, str], stdin: bytes) -> None:
        """Id, plugin, milliseconds, standard input, then the variables."""
        frame = shim_protocol.run_frame(Run(7, "macvlan", 1500, stdin, environment))

        assert frame.kind is Kind.RUN
        assert frame.fields[:4] == (b"7", b"macvlan", b"1500", stdin)
        assert frame.fields[4:] == tuple(f"{key}={value}".encode() for key, value in environment.items())


class TestSysctlsAndErrnos:
    @given(st.lists(st.builds(Sysctl, NAMES, VALUES, st.booleans()), max_size=6))
    def test_sysctls_are_written_as_the_shim_reads_them(self, sysctls: list[Sysctl]) -> None:
        """The id, then three fields for each, which survive the way over the socket."""
        written = shim_protocol.sysctls_frame(7, sysctls)

        (frame,) = _decoded([shim_protocol.encode(written)])
        id_, *fields = frame.fields
        assert (Kind.SYSCTLS, b"7") == (frame.kind, id_)
        assert sysctls == [
            Sysctl(path.decode(), value.decode(), {b"pod": True, b"node": False}[place])
            for place, path, value in zip(fields[::3], fields[1::3], fields[2::3], strict=True)
        ]

    @given(NUMBERS, st.lists(NUMBERS, max_size=70))
    def test_errnos_are_read(self, id_: int, each: list[int]) -> None:
        fields = (b"%d" % number for number in [id_, *each])

        assert Errnos(id_, tuple(each)) == shim_protocol.errnos(Frame(Kind.ERRNOS, tuple(fields)))

    @pytest.mark.parametrize(
        "frame",
        [
            Frame(Kind.ERRNOS),
            Frame(Kind.RAN, (b"1", b"0")),
            Frame(Kind.ERRNOS, (b"1", b"-1")),
            Frame(Kind.ERRNOS, (b"1", b"")),
        ],
    )
    def test_invalid_errnos_are_a_decode_error(self, frame: Frame) -> None:
        """No id, another kind, invalid numbers."""
        with pytest.raises(DecodeError):
            shim_protocol.errnos(frame)


class TestAnswer:
    def test_an_answer_is_written_as_the_shim_reads_it(self) -> None:
        """Exit status and text."""
        assert Frame(Kind.ANSWER, (b"3", b"{}")) == shim_protocol.answer_frame(3, b"{}")


def _read(read: Callable[[Frame], object], frame: Frame) -> None:
    """Calls a reader with a frame of any kind."""
    with contextlib.suppress(DecodeError):  # another kind, or invalid
        read(frame)
