"""Completion for shells.

command     `netattach completion bash|zsh|fish` prints a script for the shell
answer      `netattach __complete WORDS`, which these scripts and kubectl call: the candidates for the last word
candidates  what can be completed, by the parser of a command: pure decisions
scripts     the scripts
"""
