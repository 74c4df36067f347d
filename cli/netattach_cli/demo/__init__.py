"""`netattach demo`: the tutorial on one machine, with real interfaces and real plugins, and no cluster.

command      the arguments, and what the machine must have
walkthrough  the demo, step by step
user_nad     the NAD of `--nad`
tutorial     the tutorial's NADs, and common mistakes in NADs
runtime      what a container runtime does: a network namespace for each pod, and CNI calls
demo_node    a node in new namespaces: two NICs, two switches, the daemon
screen       what the demo prints
"""
