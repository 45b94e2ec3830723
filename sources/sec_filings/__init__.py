"""Filings of the ledger's companies that name gigawatts, megawatts or dollars for compute."""
