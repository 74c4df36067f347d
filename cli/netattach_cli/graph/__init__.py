"""`netattach graph`: networks on nodes, and networks with their pods, as one file.

command   arguments
inputs    networks, nodes and pods
matrix    from these to rows and cells: pure decisions
html      one page without scripts
svg       one picture
mermaid   a diagram for Markdown
colours   what a state looks like
"""
