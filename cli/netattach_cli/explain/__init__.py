"""`netattach explain`: why a pod has no networks, or which it has and what its attachment took.

command      arguments
inputs       the pod, its Events, its networks, and what its node reports
explanation  from these to causes, evidence and fixes: pure decisions
candidates   causes that a pod's own fields and its node's state show
messages     from the message of an Event to a cause
view         an explanation as tables and JSON
"""
