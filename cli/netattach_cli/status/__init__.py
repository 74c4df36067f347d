"""`netattach status`.

command       arguments
inputs        the objects that the checks look at
checks        whether each part works: pure decisions
certificates  until when a certificate is valid
view          the checks as tables and JSON
"""
