"""The cluster's settings, from a file."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from netattach_core.policy.settings import Level, PolicySettings
from netattach_kube import logs
from netattach_kube.cluster_settings import ClusterSettings
from netattach_plugin.cluster.settings_file import SettingsFile


class TestSettingsFile:
    def test_without_a_file_all_is_as_by_default(self, tmp_path: Path) -> None:
        assert "async" == SettingsFile(tmp_path / "absent").current.status_for_plain_pods

    def test_a_change_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        settings = SettingsFile(path)
        path.write_text("statusForPlainPods: never")
        settings.look()

        assert "never" == settings.current.status_for_plain_pods

    @pytest.mark.parametrize("broken", [b"statusForPlainPods: sometimes", b"a: [", b"\xff\xfe"])
    def test_the_last_good_ones_stay(self, tmp_path: Path, broken: bytes) -> None:
        path = tmp_path / "config.yaml"
        path.write_text("statusForPlainPods: never")
        settings = SettingsFile(path)
        path.write_bytes(broken)
        settings.look()

        assert "never" == settings.current.status_for_plain_pods
        assert settings.problem
        path.write_text("")
        settings.look()
        assert "async" == settings.current.status_for_plain_pods
        assert None is settings.problem

    def test_without_a_file_there_may_be_other_settings(self, tmp_path: Path) -> None:
        """In force again once the file is removed, and never where it is broken."""
        path = tmp_path / "config.yaml"
        absent = ClusterSettings(policy=PolicySettings(default=Level.PRIVILEGED))
        settings = SettingsFile(path, absent)
        assert absent is settings.current

        path.write_text("policy: {default: restricted}")
        settings.look()
        assert Level.RESTRICTED is settings.current.policy.default

        path.unlink()
        settings.look()
        assert absent is settings.current

        path.write_text("policy: {default: none}")
        assert Level.BASELINE is SettingsFile(path, absent).current.policy.default

    def test_the_level_of_the_log_follows_without_a_restart(self, tmp_path: Path) -> None:
        log, path = logging.getLogger("netattach_plugin.calls"), tmp_path / "config.yaml"
        with logs.handled():
            settings = SettingsFile(path)
            levels = [log.getEffectiveLevel()]
            for text in ("logLevel: debug", "logLevel: loud", "logLevel: error", ""):
                path.write_text(text)
                settings.look()
                levels.append(log.getEffectiveLevel())

        assert [logging.INFO, logging.DEBUG, logging.DEBUG, logging.ERROR, logging.INFO] == levels
