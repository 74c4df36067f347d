"""A kubectl for tests of the command line, with objects in memory: `proxy --unix-socket=…` and `config view`.

No schemas and no selectors of labels: a collection is what was put there. Run as a program it is the fake itself, which needs
only the standard library; the tests call `install`.
"""

from __future__ import annotations

import http.server
import json
import os
import socketserver
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PLURALS = {
    "Pod": "/api/v1 pods",
    "Node": "/api/v1 nodes",
    "Event": "/api/v1 events",
    "Namespace": "/api/v1 namespaces",
    "Secret": "/api/v1 secrets",
    "ConfigMap": "/api/v1 configmaps",
    "DaemonSet": "/apis/apps/v1 daemonsets",
    "Deployment": "/apis/apps/v1 deployments",
    "StatefulSet": "/apis/apps/v1 statefulsets",
    "Job": "/apis/batch/v1 jobs",
    "CronJob": "/apis/batch/v1 cronjobs",
    "Lease": "/apis/coordination.k8s.io/v1 leases",
    "NetworkAttachmentDefinition": "/apis/k8s.cni.cncf.io/v1 network-attachment-definitions",
    "NodeNetworkInventory": "/apis/netattach.io/v1alpha1 nodenetworkinventories",
    "ValidatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1 validatingwebhookconfigurations",
    "MutatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1 mutatingwebhookconfigurations",
}


def install(
    folder: Path,
    objects: Iterable[Mapping[str, Any]],
    *,
    forbidden: Iterable[str] = (),
    absent: Iterable[str] = (),
    namespace: str = "",
    broken: str = "",
) -> None:
    """Writes the program into a folder. `forbidden` and `absent` are plurals; `broken` is what kubectl fails with, if it does."""
    folder.mkdir(exist_ok=True)
    collections: dict[str, list[Mapping[str, Any]]] = {}
    for kind in PLURALS.values():
        root, plural = kind.split()
        if plural not in set(absent):
            collections[f"{root}/{plural}"] = []
    for body in objects:
        root, plural = PLURALS[body["kind"]].split()
        within = f"/namespaces/{body['metadata']['namespace']}" if "namespace" in body["metadata"] else ""
        collections[f"{root}/{plural}"].append(body)
        if within:
            collections.setdefault(f"{root}{within}/{plural}", []).append(body)
    served = {
        "collections": collections,
        "forbidden": list(forbidden),
        "namespace": namespace,
        "broken": broken,
    }
    (folder / "served.json").write_text(json.dumps(served))
    program = folder / "kubectl"
    program.write_text(f"#!{sys.executable} -I\n{Path(__file__).read_text()}")
    program.chmod(0o755)


def requests(folder: Path) -> list[str]:
    """The paths of all requests, with their queries, and kubectl's own arguments as `kubectl …`."""
    log = folder / "requests"
    return log.read_text().splitlines() if log.exists() else []


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 100


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers from `served`."""

    folder: Path
    served: dict[str, Any]

    def do_GET(self) -> None:  # the library's name
        _record(self.folder, self.path)
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        status, body = self._response(parts.path, query)
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        pass

    def _response(self, path: str, query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        collections = self.served["collections"]
        if any(f"/{plural}" in path for plural in self.served["forbidden"]):
            return 403, {"kind": "Status", "message": "it is forbidden", "reason": "Forbidden"}
        if path in collections:
            return 200, _page(_selected(collections[path], query), query)
        folder, _, name = path.rpartition("/")
        found = [body for body in collections.get(folder, ()) if body["metadata"]["name"] == name]
        if found:
            return 200, found[0]
        root, within, rest = path.partition("/namespaces/")
        if within and f"{root}/{rest.rpartition('/')[2]}" in collections:
            return 200, {"items": [], "metadata": {}}
        return 404, {"kind": "Status", "message": "it is not found", "reason": "NotFound"}


def _selected(items: list[Any], query: dict[str, list[str]]) -> list[Any]:
    """By the field selector."""
    wanted = [term.partition("=") for text in query.get("fieldSelector", ()) for term in text.split(",")]
    return [each for each in items if all(_at(each, path) == value for path, _, value in wanted)]


def _at(body: Any, path: str) -> Any:
    for key in path.split("."):
        body = body.get(key) if isinstance(body, dict) else None
    return body


def _page(items: list[Any], query: dict[str, list[str]]) -> dict[str, Any]:
    start, size = int(query.get("continue", ["0"])[0]), int(query.get("limit", ["1000000"])[0])
    end = start + size
    metadata = {"continue": str(end)} if end < len(items) else {}
    return {"items": items[start:end], "metadata": metadata}


def _record(folder: Path, line: str) -> None:
    with (folder / "requests").open("a") as log:
        log.write(f"{line}\n")


def _main() -> int:
    folder = Path(__file__).parent
    served = json.loads((folder / "served.json").read_text())
    words = sys.argv[1:]
    _record(folder, " ".join(["kubectl", *words]))
    if served["broken"]:
        sys.stderr.write(f"error: {served['broken']}\n")
        return 1
    if "config" in words:
        sys.stdout.write(served["namespace"])
        return 0
    path = next(word.partition("=")[2] for word in words if word.startswith("--unix-socket="))
    handler = type("Handler", (_Handler,), {"folder": folder, "served": served})
    with _Server(path, handler) as server:
        (folder / "pid").write_text(str(os.getpid()))
        sys.stdout.write(f"Starting to serve on {path}\n")
        sys.stdout.flush()
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(_main())
