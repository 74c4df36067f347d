"""The admission webhooks: validate NADs, pods, pod templates and netattach's own settings when they are applied.

__main__       wiring, and what ends the process
app            HTTP: one path for each kind of review, limits on size and time
bodies         the bodies of requests, within limits on the memory of all
validators     from a review to findings, in threads where it takes long
pod_mutator    new pods changed: node affinity and devices for their networks
users_lookup   which pods use a network, asked of the API server
ruled_out_nodes  the nodes on which these networks are not ready
threads        slow work in threads
cluster_cache  what validation needs to know of the cluster, kept current by watches
review         AdmissionReview, decoded and encoded
messages       findings as the message of a denial, and as warnings
client_ca      which clients are served, if only those with a certificate
tls            the serving certificate, reloaded from its Secret
metrics        for Prometheus
settings       from environment variables
"""
