"""The ledger: announced deals, their documents, claims, assumptions, token volumes and capex.

`parse` turns a file into records and refusals, `load` fills the `raw_ledger` tables, `checks`
holds what must be true across fields and files. The form is described in `docs/ledger.md`.
"""
