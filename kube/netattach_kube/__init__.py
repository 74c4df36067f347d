"""What all programs share: the Kubernetes API (requests, informers, leader election), settings, health, signals, back-off.

The only importer of the client library. It returns plain dicts and core's values, and raises core's errors.
"""
