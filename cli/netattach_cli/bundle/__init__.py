"""`netattach bundle`: an archive for an issue report, without what is nobody's business.

command       arguments, and writing the file
inputs        the objects that go into it
redact        objects without secrets: pure decisions
secret_texts  values and texts without secrets
archive       files as a tar.gz, the same for the same objects
"""
