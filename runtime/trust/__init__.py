"""Who may say yes: keys, the signed trust root, and signed statements."""
