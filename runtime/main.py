"""Entry point of the `charter` command: answers `--version` before any import that costs time."""

import gc
import sys

_COLLECT_AFTER = 400_000
"""Objects that a command makes before the collector looks for cycles. There are hardly any: at Python's 700 it walks,
again and again, over modules and compiled charters that stay."""


def main() -> None:
    """Run the command line; the exit code is the process's (table in `charter --help`)."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from charter.runtime.version import VERSION

        sys.stdout.write(f"charter {VERSION}\n")
        return
    gc.set_threshold(_COLLECT_AFTER)
    from charter.runtime.cli import run_command_line

    sys.exit(run_command_line())


if __name__ == "__main__":
    main()
