"""What an auditor does with a ledger: re-decide, sample, reconcile, hand over, export, recall."""
