"""The part that does things: plan, run, gates, stages, ledger and the command line."""
