"""How values look outside: one shape each, the same on the command line, over HTTP and in MCP.

What lives here: the shapes, a module for each noun, and how they are made from values of the queue. What does not: what
operations take (`app.operations`), and who may see what.
"""
