"""Thin assets: each calls a step and tells Dagster what became of it."""
