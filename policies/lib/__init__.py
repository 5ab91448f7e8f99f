"""Rego that every bundle brings: numbers, evidence, approvals, retirement, project policies."""
