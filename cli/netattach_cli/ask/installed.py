"""The names of netattach's own objects, as the manifests have them (deploy/helm/netattach)."""

from __future__ import annotations

CONTROL_NAMESPACE = "netattach-system"
NODE_NAMESPACE = "netattach-node"
DAEMON = "netattach-daemon"
OPERATOR = "netattach-operator"
"""The Deployment and the Lease."""

WEBHOOKS = "netattach-webhooks"
CONFIGURATION = "netattach"
"""The ValidatingWebhookConfiguration."""

MUTATION = "pods.netattach.io"
"""The MutatingWebhookConfiguration, which the chart can leave out."""

CERTIFICATE = "netattach-webhooks-tls"
"""The Secret of the webhooks' certificate."""

DAEMON_LABELS = "app.kubernetes.io/component=daemon"

SETTINGS = "netattach-config"
"""The ConfigMap with the cluster's settings, in NODE_NAMESPACE."""
