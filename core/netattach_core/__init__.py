"""The pure core: bytes and dicts in, values out.

Rules for this package: no I/O, no clock, no environment, no logging, and no third-party package but jsonschema (only in
`validation`). The validator has three callers: the webhooks deny with it, the operator reports with it, and `netattach lint`
runs it offline. The daemon uses the rest: the networks that a pod requests, and the plan that attaches them.

Packages from bottom to top, each importing only those before it (import-linter checks this): `net` and `errors`, `text`, `api`,
`cni`, `attach` and `plugins`, then `validation`, `devices`, `shim` and `caches`, and `admission`.
"""
