"""Which pods use a network: what is known of them, and whether a pod is one of them, by its metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netattach_core.admission import unstructured
from netattach_core.admission.unstructured import JsonObject
from netattach_core.api import network_selection
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, MAX_LENGTH, NETWORK_STATUS, NETWORKS
from netattach_core.api.objects import Key
from netattach_core.errors import DecodeError


@dataclass(frozen=True, slots=True)
class NetworkUsers:
    """The pods that use a network, sorted; `unknown` is why there may be others, "" where these are all.

    `unverified`: a node reports attached pods, and the API server did not answer which.
    """

    pods: tuple[Key, ...] = ()
    unknown: str = ""
    unverified: bool = False

    def __bool__(self) -> bool:
        """Whether pods use it, or may use it."""
        return bool(self.pods or self.unknown)

    def names(self, namespace: str) -> str:
        """The pods, as far as users of a namespace may learn of them."""
        return ("at least " if self.unknown else "") + unstructured.list_names(self.pods, namespace)


NOBODY = NetworkUsers()

_ITEMS = re.compile(r'"items"\s*:\s*(\[|null)')
_SEPARATORS = frozenset(", \n")


def users_in(pods: str, network: Key, settings: SelectionSettings) -> set[Key]:
    """The pods of a list of the API that use a network. `pods` is its JSON, with UTF-8 decoded as Latin-1. Raises DecodeError."""
    found = (each for each in _items(pods) if uses(each, network, settings))
    return {(_text(each, "namespace"), _text(each, "name")) for each in found}


def _items(text: str) -> Iterator[Any]:
    """One at a time: 8 MiB at once take ten times as much memory, and half a second in which no other thread runs."""
    start = _ITEMS.search(text)
    if start is None:
        raise DecodeError("not a list of the API")
    position, decoder = start.end(), json.JSONDecoder()
    while start[1] == "[":
        while text[position : position + 1] in _SEPARATORS:
            position += 1
        if text[position : position + 1] == "]":
            return
        try:
            item, end = decoder.raw_decode(text, position)
            written = text[position:end]
            if not written.isascii():
                item = _with_utf8(written)
        except (ValueError, RecursionError) as error:
            raise DecodeError(f"not a list of the API: {error}") from error
        yield item
        position = end


def _with_utf8(item: str) -> Any:
    """An item of the text, decoded as what it is: spaces and letters that are not ASCII count as on the node that reads them."""
    return json.loads(item.encode("latin-1").decode(errors="replace"))


def uses(pod: JsonObject, network: Key, settings: SelectionSettings) -> bool:
    """Whether a pod asks for a network that it may use, or is attached to it by the cluster's `defaultNetworks`.

    Not one that is being deleted. Annotations are read as far as that needs: an element with another mistake asks for its network
    too, and 64 KiB take some milliseconds, where validation takes a fifth of a second.
    """
    if unstructured.is_being_deleted(pod):
        return False
    annotations = unstructured.annotations_of(pod)
    namespace = _text(pod, "namespace")
    if _is_attached_by_settings(annotations, namespace, network, settings):
        return True
    asks = _asks(annotations.get(NETWORKS, ""), network, namespace) or _asks(
        annotations.get(DEFAULT_NETWORK, ""), network, settings.namespace
    )
    return asks and settings.reaches(namespace, network[0])


def _text(pod: JsonObject, key: str) -> str:
    return str(unstructured.mapping(pod, "metadata").get(key) or "")


def _is_attached_by_settings(
    annotations: Mapping[str, str], namespace: str, network: Key, settings: SelectionSettings
) -> bool:
    """By its status too: metadata does not say whether the pod has the node's network, and so none of these."""
    defaults = network_selection.cluster_defaults(annotations, namespace, settings)
    return network in {each.key for each in defaults} and "/".join(network) in annotations.get(
        NETWORK_STATUS, ""
    )


def _asks(text: str, network: Key, namespace: str) -> bool:
    if len(text) > MAX_LENGTH or (network[1] not in text and "\\" not in text):
        return False
    if any(char in text for char in '[{"'):
        return any(_key(element, namespace) == network for element in _elements(text))
    items = (item.partition("@")[0].rpartition("/") for item in text.split(",") if network[1] in item)
    return any((before.strip() or namespace, name.strip()) == network for before, _, name in items)


def _elements(text: str) -> list[Any]:
    try:
        elements = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return elements if isinstance(elements, list) else []


def _key(element: Any, namespace: str) -> Any:
    """Keys are case-insensitive, as in Go."""
    if not isinstance(element, dict):
        return None
    body = {key.casefold(): value for key, value in element.items() if value is not None}
    return body.get("namespace") or namespace, body.get("name")
