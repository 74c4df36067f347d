"""`netattach networks`.

command   arguments
inputs    networks, and the nodes of one
on_nodes  on which nodes a network is ready, and why not on the others: pure decisions
view      networks, or the nodes of one, as tables and JSON
"""
