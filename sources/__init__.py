"""Sources of the warehouse: one folder a source, plain Python and data.

A source never imports the orchestrator: it turns bytes into accepted records and refusals, and
loads them into the raw schema of a DuckDB connection that the caller hands in.
"""
