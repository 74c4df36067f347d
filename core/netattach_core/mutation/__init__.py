"""Changes of new pods at admission: node affinity for their networks, and requests for the devices that these need.

A change only ever adds: nothing that a pod asks for is loosened or removed, and a pod that was changed once is not changed again.
Modules return operations of a JSON Patch (RFC 6902); whether they are applied is the caller's decision.
"""
