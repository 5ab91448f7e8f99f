"""Entry point of the `charter` command: answers `--version` before any import that costs time."""

import sys


def main() -> None:
    """Run the command line; the exit code is the process's (table in `charter --help`)."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from charter.runtime.version import VERSION

        sys.stdout.write(f"charter {VERSION}\n")
        return
    from charter.runtime.cli import run_command_line

    sys.exit(run_command_line())


if __name__ == "__main__":
    main()
