"""The node daemon: it decides what a pod's networks need; the shim executes.

Reading order: __main__ (wiring), server (one call from socket to answer), engine (gather, decide, act, answer), ports.
"""
