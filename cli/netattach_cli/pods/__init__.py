"""`netattach get pods`, and what other commands show of pods' networks.

command         arguments
inputs          pods, and the pods that lack networks
pod_networks    what a pod asked for next to what it has: pure decisions
network_status  the annotation network-status, whose author may be anybody
view            pods as tables and JSON
"""
