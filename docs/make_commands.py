"""Writes docs/commands.md from the `--help` texts: `python docs/make_commands.py`. A test keeps them equal."""

from collections.abc import Iterator
from pathlib import Path

import click

from charter.runtime.cli import LazyGroup, main

PAGE = Path(__file__).with_name("commands.md")
_HEAD = """# Commands

Generated from the `--help` texts by `docs/make_commands.py`; edit those instead.

"""


def every_command(group: click.Group = main, name: str = "charter") -> Iterator[tuple[str, click.Command]]:
    """Each command with its full name, groups before their members, in the order of `charter --help`."""
    yield name, group
    context = click.Context(group, info_name=name)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None, f"`{name} {word}` has no command behind it"
        if isinstance(command, LazyGroup):
            yield from every_command(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def help_text(name: str, command: click.Command) -> str:
    """The command's `--help`, as an 80-column terminal shows it."""
    return command.get_help(click.Context(command, info_name=name, terminal_width=80, max_content_width=80))


def page() -> str:
    """The whole page."""
    return _HEAD + "\n".join(
        f"## {name}\n\n```\n{help_text(name, command)}\n```\n" for name, command in every_command()
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
