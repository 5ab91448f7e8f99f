"""Warm worker processes: a fork a stage, with time and memory limits."""
