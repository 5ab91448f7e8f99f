"""Meaning: from AST to a typed model, a graph and the IR. Runs nothing, reads no clock, opens no socket."""
