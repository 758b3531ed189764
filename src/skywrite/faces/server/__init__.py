"""`skywrite serve`: the page, the HTTP API, MCP, events and metrics, in one process with the worker."""
