"""What the compiler proves before anything runs: small passes, one file each, run in this order."""

from charter.compiler.passes.context import Context, Pass

PASSES: tuple[Pass, ...] = ()
"""Every pass; each looks at the whole charter and returns all of its findings."""

__all__ = ["PASSES", "Context", "Pass"]
