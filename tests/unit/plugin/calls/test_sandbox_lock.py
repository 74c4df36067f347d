"""The lock of a sandbox, which daemon and shim share."""

from __future__ import annotations

from pathlib import Path

from netattach_plugin.calls.sandbox_lock import SandboxLocks


class TestLocks:
    def test_a_lock_is_nobodys_twice(self, tmp_path: Path) -> None:
        """And leaves no file."""
        locks = SandboxLocks(tmp_path / "cni.sock")
        with (
            locks.lock_if_free("s1") as first,
            locks.lock_if_free("s1") as second,
            locks.lock_if_free("s2") as other,
        ):
            assert (True, False, True) == (first, second, other)

        assert [] == list((tmp_path / "locks").iterdir())

    def test_a_file_that_was_removed_is_no_lock(self, tmp_path: Path) -> None:
        """Its holder removed it between our open and our lock: the next one has another file."""
        locks = SandboxLocks(tmp_path / "cni.sock")
        with locks.lock_if_free("s1") as first:
            (tmp_path / "locks/s1").unlink()
            with locks.lock_if_free("s1") as second:
                assert (True, True) == (first, second)
