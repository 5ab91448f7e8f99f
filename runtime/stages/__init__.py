"""The built-in work, each stage a thin adapter over a library that people trust."""
