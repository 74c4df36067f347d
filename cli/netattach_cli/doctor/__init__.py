"""`netattach doctor`: one node, part by part, and what the API does not say of it.

command    arguments
inputs     the node, its daemon, its inventory, the networks and Events about it
diagnoses  a diagnosis of each part: pure decisions
view       all as a table and JSON
"""
