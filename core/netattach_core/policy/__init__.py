"""Policy: what the author of a network, and the author of a pod, may do. Pod Security for networks.

The validator asks whether a network can work; policy asks whether its author may have it. Admission and the daemon ask the same
functions, so that a network that reached the cluster some other way is refused on the node, in the same words:

- `settings` are the cluster owner's, `levels` decides on the level of a namespace, `severities` on the effect of a finding
- `networks` has the rules about a NetworkAttachmentDefinition, `requests` those about what a pod requests of its networks
- every other module is one family of rules; `case` is what they see
- `members` and `plugin_parts` walk a configuration, `host_places`, `host_interfaces` and `subnets` check what is found there
"""
