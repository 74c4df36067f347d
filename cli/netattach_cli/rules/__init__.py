"""`netattach rules`: list the rules of the linter and the webhooks, or explain some of them.

command  the arguments, and the output
"""
