"""The plugin for krew, kubectl's plugin manager: an archive, and the manifest that names it with its checksum."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile

from netattach_release import single_file
from netattach_release.source import Source

MANIFEST = "kubectl-netattach.krew.yaml"

_PLATFORMS = {"matchExpressions": [{"key": "os", "operator": "In", "values": ["linux", "darwin"]}]}
"""Python and Unix sockets are needed; the processor does not matter."""

_DESCRIPTION = """\
Shows whether netattach works and what is wrong (status), which pod has which interface, network and address (get pods), on which
nodes a network is ready and why not on the others (networks), who uses a network (who-uses), and what the nodes have (nodes).
Validates NetworkAttachmentDefinitions and the annotations of pods in files (lint), writes networks that fit the nodes (new), and
prepares a migration from Multus (migrate). It reads the cluster with your own rights, and changes nothing.
"""
_CAVEATS = "It needs Python 3.11 or newer.\n"


def archive_name(source: Source) -> str:
    return f"{single_file.NAME}-{source.version}.tar.gz"


def archive(plugin: bytes, licence: bytes, source: Source) -> bytes:
    """The plugin and its licence, as krew wants them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content, mode in (("LICENSE", licence, 0o644), (single_file.NAME, plugin, 0o755)):
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(content), mode, source.epoch
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


def manifest(archived: bytes, url: str, source: Source) -> str:
    """krew's manifest, for an archive that is served under `url`; "" for one that is installed with --archive.

    It is YAML, of which JSON is a part.
    """
    where = f"{url.rstrip('/')}/" if url else ""
    platform = {
        "selector": _PLATFORMS,
        "uri": f"{where}{archive_name(source)}",
        "sha256": hashlib.sha256(archived).hexdigest(),
        "bin": single_file.NAME,
    }
    body = {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "netattach"},
        "spec": {
            "version": f"v{source.version}",
            "shortDescription": "More than one network for pods: status, pods, lint",
            "description": _DESCRIPTION,
            "caveats": _CAVEATS,
            "platforms": [platform],
        },
    }
    return json.dumps(body, indent=2) + "\n"
