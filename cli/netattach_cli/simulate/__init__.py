"""`netattach simulate`: what would happen to networks and pods of files, before they are applied.

command      arguments
sources      the objects in files
inputs       what the cluster has
networks     a NetworkAttachmentDefinition: findings, and the nodes on which it would be ready
pods         a pod: findings, changes at admission, and what each node would do
interfaces   the interfaces of a pod, in their order, with their default routes
view         both as tables and JSON
"""
