"""What a command shows: pure values in, text out.

formats   the text of a view, as -o asks for
table     columns for people
plain     dataclasses as the values of JSON
view      what a command shows, before it is a text
"""
