"""`netattach nodes`.

command    arguments
inputs     Nodes, daemons, inventories and networks
node_data  what is known of a node: pure decisions
view       nodes, or one of them, as tables and JSON
"""
