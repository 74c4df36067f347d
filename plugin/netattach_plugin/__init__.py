"""The daemon of a node: decides what the networks of a pod need; the shim runs the plugins.

Reading order: __main__, wiring, calls/server (a call from socket to answer), engine (each verb), ports.
"""
