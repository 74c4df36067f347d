"""The options in force: those of the command line before those of the project's file, and its severities before the settings'."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from netattach_cli.files import UnreadableError
from netattach_cli.kubectl import Kubectl
from netattach_cli.lint import project_file, severities
from netattach_cli.lint.project_file import ProjectOptions
from netattach_cli.lint.severities import SeverityError
from netattach_core.text.finding import Severity
from netattach_kube.cluster_settings import ClusterSettings

_DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line and the project's file, `project`, ask for together; "" where neither does."""

    project: str = ""
    settings: str = ""
    inventory: str = ""
    namespace: str = _DEFAULT_NAMESPACE
    severities: Mapping[str, Severity] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    warnings_as_errors: bool = False
    fail_empty: bool = False
    kubectl: Kubectl = field(default_factory=Kubectl)

    def is_excluded(self, path: str) -> bool:
        """Whether a pattern of the project's file matches a path; patterns begin at the file's directory."""
        if not self.exclude:
            return False
        relative = Path(os.path.relpath(path, Path(self.project).parent)).as_posix()
        return any(fnmatchcase(relative, pattern) for pattern in self.exclude)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--settings",
        metavar="FILE|cluster",
        help="the cluster's settings: a file with their text or with the ConfigMap netattach-config, or `cluster` to ask the "
        "cluster with kubectl; by default those of a new cluster",
    )
    parser.add_argument(
        "--severity",
        metavar="RULE=SEVERITY",
        action="append",
        default=[],
        help="deny, warn or off for one rule, whatever the settings say; repeatable",
    )
    parser.add_argument(
        "--namespace",
        "-n",
        help="the namespace of objects that have none (default: default)",
    )
    project = parser.add_mutually_exclusive_group()
    project.add_argument(
        "--config",
        metavar="FILE",
        help="the project's file; by default .netattach.yaml in this directory, or the nearest one above it in the "
        "same Git repository",
    )
    project.add_argument("--no-config", action="store_true", help="read no project's file")


def read(args: argparse.Namespace, directory: Path) -> Options:
    """The options in force in a working directory. Raises UnreadableError."""
    project = _project(args, directory)
    try:
        asked = severities.from_options(args.severity)
    except SeverityError as error:
        raise UnreadableError("--severity", str(error)) from error
    return Options(
        project=project.file,
        settings=args.settings or project.settings,
        inventory=args.inventory or project.inventory,
        namespace=args.namespace or project.namespace or _DEFAULT_NAMESPACE,
        severities={**project.severities, **asked},
        exclude=project.exclude,
        warnings_as_errors=args.warnings_as_errors or project.warnings_as_errors,
        fail_empty=args.fail_empty or project.fail_empty,
        kubectl=Kubectl(args.kubeconfig, args.context),
    )


def with_severities(settings: ClusterSettings, chosen: Mapping[str, Severity]) -> ClusterSettings:
    """The settings with the severities that the user asks for."""
    validation = dataclasses.replace(settings.validation, overrides=chosen)
    return dataclasses.replace(settings, validation=validation)


def _project(args: argparse.Namespace, directory: Path) -> ProjectOptions:
    if args.config:
        return project_file.read(args.config)
    found = None if args.no_config else project_file.find(directory)
    if found is None:
        return ProjectOptions()
    return project_file.read(os.path.relpath(found, directory))
