"""Thin assets: each calls a step and tells Dagster what became of it."""

# Who is asked about an asset: those who keep the ledger, the feeds, or the models and the release.
LEDGER_TEAM, FEEDS_TEAM, WAREHOUSE_TEAM = "team:ledger", "team:feeds", "team:warehouse"
