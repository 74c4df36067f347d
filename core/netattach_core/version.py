"""The version of netattach."""

VERSION = "0.2.0"
"""That of pyproject.toml. `importlib.metadata`, which would read it from the installed package, takes 1.5 MiB."""
