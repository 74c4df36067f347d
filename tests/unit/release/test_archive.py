"""Archives of the same content have the same bytes, and lose none of it."""

from __future__ import annotations

import gzip
import io
import tarfile

from netattach_release import archive

EPOCH = 1_800_000_000


def written(*members: tuple[tarfile.TarInfo, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    buffer.seek(0)
    return buffer


def member(name: str, **attributes: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def read(content: bytes) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {each.name: (each, file.read() if (file := tar.extractfile(each)) else b"") for each in tar}


def test_modes_owners_links_and_directories_stay() -> None:
    original = written(
        (member("tmp", type=tarfile.DIRTYPE, mode=0o1777), b""),
        (member("bin/program", mode=0o755, uid=65532, gid=65532), b"content"),
        (member("bin/link", type=tarfile.SYMTYPE, linkname="program"), b""),
    )

    found = read(archive.normalized(original, EPOCH))

    assert ["bin/link", "bin/program", "tmp"] == list(found)
    assert (0o1777, tarfile.DIRTYPE) == (found["tmp"][0].mode, found["tmp"][0].type)
    assert (0o755, 65532, b"content") == (
        found["bin/program"][0].mode,
        found["bin/program"][0].uid,
        found["bin/program"][1],
    )
    assert "program" == found["bin/link"][0].linkname


def test_a_hard_link_before_its_file_becomes_a_copy() -> None:
    original = written((member("b"), b"content"), (member("a", type=tarfile.LNKTYPE, linkname="b"), b""))

    found = read(archive.normalized(original, EPOCH))

    assert {"a": b"content", "b": b"content"} == {name: content for name, (_, content) in found.items()}


def test_every_member_has_the_one_time_and_no_owners_name() -> None:
    original = written((member("a", mtime=1, uname="somebody", gname="group"), b""))

    [(found, _)] = read(archive.normalized(original, EPOCH)).values()

    assert (EPOCH, "", "") == (found.mtime, found.uname, found.gname)


def test_a_long_name_in_another_alphabet_is_kept() -> None:
    name = "ü" * 120

    assert [name] == list(read(archive.of_files({name: b""}, EPOCH)))


def test_a_compressed_archive_is_read_and_its_compression_has_no_time() -> None:
    original = written((member("a"), b"content"))
    packed = io.BytesIO(gzip.compress(original.getvalue(), mtime=12345))

    assert archive.normalized(original, EPOCH) == archive.normalized(packed, EPOCH)
    assert bytes(4) == archive.compressed(b"content")[4:8]
