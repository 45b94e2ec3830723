"""Wires sources, dbt, checks and release together; holds no parsing and no business rule."""
