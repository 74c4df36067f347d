"""What all commands share that ask a cluster: gather, then a pure view, then a text.

frame       runs a command: once, with --watch, or with --wait
options     kubectl's options
bodies      fields of objects whose authors are not trusted
installed   the names of netattach's own objects
unmet       pods that lack networks
copyable    names in commands that a user copies
contests    Events of nodes whose CNI config is contested
progress    what is waited for, on a terminal
durations   90s, 5m
"""
