"""The ledger of requirements, one file a source."""
