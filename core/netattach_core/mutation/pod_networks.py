"""The networks that a new pod gets, as far as they are NADs."""

from __future__ import annotations

from netattach_core.admission import unstructured
from netattach_core.admission.unstructured import JsonObject
from netattach_core.api import network_selection
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.objects import Key
from netattach_core.cni import netattach_conf
from netattach_core.errors import AnnotationError


def of_pod(pod: JsonObject, namespace: str, settings: SelectionSettings) -> tuple[Key, ...]:
    """One key for each attachment: the default network, the cluster's default networks, those of the annotation.

    None at all where an annotation cannot be parsed, or asks for a network that the namespace may not use: validation refuses
    that pod, and until then nothing that is added to it may reveal what the network is.
    """
    try:
        selection = network_selection.of_pod(unstructured.annotations_of(pod), namespace, settings)
    except AnnotationError:
        return ()
    defaults = [
        each for each in selection.cluster_defaults if not each.name.endswith(netattach_conf.SUFFIXES)
    ]
    first = [selection.default] if selection.default else []
    return tuple(each.key for each in (*first, *defaults, *selection.networks))
