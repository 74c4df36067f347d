"""`netattach demo`: the tutorial on one machine, with real interfaces and real plugins, and no cluster.

    stage    a node of its own in new namespaces: two cards, a switch with a gateway, the daemon
    runtime  what a container runtime does: a network namespace for each pod, and a CNI call
    tutorial the NADs, pods and mistakes of the walk-through
    show     what is printed
    run      the story, step by step
"""
