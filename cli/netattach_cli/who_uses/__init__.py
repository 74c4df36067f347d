"""`netattach who-uses`.

command   arguments
inputs    pods, workloads and the cluster's settings
uses      who uses a network: pure decisions
view      the uses as tables and JSON
"""
