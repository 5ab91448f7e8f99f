"""The published JSON Schemas of policy input and result."""
