"""The audit ledger: the only state there is; everything else is a fold over it."""
