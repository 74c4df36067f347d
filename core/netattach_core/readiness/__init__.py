"""Whether a network is ready on a node: whether a pod that asks for it would be attached there now, and if not, why."""
