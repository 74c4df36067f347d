"""`netattach new`: write a NetworkAttachmentDefinition that works, from what is known of the nodes.

command    the arguments, and where the NAD is written
generator  the NAD: its CNI config, and comments that explain it
ipam       its addresses
defaults   values for options that were not given: interface, addresses, version
"""
