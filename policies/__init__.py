"""Rule packs: Rego and dated clause data; no Python logic but the catalogue."""
