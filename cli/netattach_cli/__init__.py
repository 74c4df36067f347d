"""`netattach`: validate networks in files (lint), write a new one (new), and try the daemon on one machine (demo).

lint, new, demo  one room for each command; `command.py` is its entry point
inventories      what the nodes have, from a file or from the cluster
documents        the documents of a YAML or JSON file
files            reading a file
kubectl          asking the cluster
terminal         text and colours for terminals
"""
