"""The Kubernetes API, for all programs that talk to it: requests, watches, the Lease, the cluster settings.

The only importer of the client library; what comes out are plain dicts and core's values, and what goes wrong is one of
core's errors.
"""
