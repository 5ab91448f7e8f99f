"""The `core` pack: rules that hold for every lifecycle."""
