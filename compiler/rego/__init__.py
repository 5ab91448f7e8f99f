"""The charter's own controls as readable Rego, in one OPA bundle."""
