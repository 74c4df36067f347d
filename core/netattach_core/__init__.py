"""Pure thought: bytes and dicts in, values out.

The law of this room: no I/O, no clock, no environment, no logging, and no package but jsonschema (in `policy` alone).
One validator with three callers lives here: the webhook denies with it, the operator reports with it, and
`netattach lint` runs it offline. The daemon takes the rest: what a pod asks for, and the plan that fulfils it.

Reading order: names, json_text, nad, cni_config, annotation, plan, cni_result, network_status; then finding, policy, plugins.
"""
