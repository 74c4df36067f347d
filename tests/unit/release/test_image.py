"""What tools/image has written is read, and what is no image is refused."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from netattach_release import image
from netattach_release.errors import ReleaseError
from support.release_inputs import tar


def test_an_archive_without_the_files_that_it_lists_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(tar({"manifest.json": json.dumps([{"Config": "config", "Layers": []}])}))
    with tarfile.open(path, "a") as opened:
        directory = tarfile.TarInfo("config")
        directory.type = tarfile.DIRTYPE
        opened.addfile(directory)

    with pytest.raises(
        ReleaseError, match=r"config is no file in .*: tools/image has written no image archive"
    ):
        image.read(path, 0)
