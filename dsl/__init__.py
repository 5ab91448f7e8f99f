"""Text, tokens, tree, AST: knows spans and diagnostics, nothing of AI."""
