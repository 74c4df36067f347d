"""The commands and files of docs/webhook-clients.md, for tests that follow the page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from support import require

TEXT = (require.REPOSITORY / "docs/webhook-clients.md").read_text()
DIRECTORY = "/etc/kubernetes/admission"
CONFIGURATION, KUBECONFIG = "configuration.yaml", "webhooks.kubeconfig"


def blocks(language: str) -> list[str]:
    """The texts of all code blocks in a language, without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", TEXT, re.MULTILINE | re.DOTALL)
    return ["\n".join(line[len(indent) :] for line in text.splitlines()) for indent, text in found]


def example(key: str, value: str) -> dict[str, Any]:
    """The only example whose `key` has this value."""
    (found,) = [body for text in blocks("yaml") if (body := yaml.safe_load(text)).get(key) == value]
    assert isinstance(found, dict)
    return found


def kustomization() -> str:
    """The text of the one that requires client certificates."""
    (found,) = [text for text in blocks("yaml") if "NETATTACH_CLIENT_CA" in text]
    return found


def deployment_patch() -> dict[str, Any]:
    """The patch in it."""
    (patch,) = yaml.safe_load(kustomization())["patches"]
    body = yaml.safe_load(patch["patch"])
    assert isinstance(body, dict)
    return body


def create_certificates(directory: Path) -> None:
    """Runs the page's commands there; `ca.crt`, `netattach.crt` and `netattach.key` are what the page goes on with."""
    require.command("openssl")
    (commands,) = [text for text in blocks("console") if "openssl" in text]
    for line in commands.splitlines():
        assert line.startswith("$ ")
        subprocess.run(["sh", "-ec", line[2:]], cwd=directory, check=True, capture_output=True)


def write_configuration(directory: Path) -> Path:
    """Writes the API server's files as the page has them, but to another directory; returns the first one."""
    for name, kind in ((CONFIGURATION, "AdmissionConfiguration"), (KUBECONFIG, "Config")):
        text = yaml.safe_dump(example("kind", kind)).replace(DIRECTORY, str(directory))
        (directory / name).write_text(text)
    return directory / CONFIGURATION
