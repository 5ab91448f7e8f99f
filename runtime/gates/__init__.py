"""The gate: build the policy input, ask an engine, fail closed."""
