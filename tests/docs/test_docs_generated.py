"""The generated pages are what the code says now."""

import importlib.util
from types import ModuleType

import pytest
from pages import ROOT


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["make_commands", "make_language"])
def test_page_is_up_to_date(name: str):
    made = script(name)
    assert made.PAGE.read_text("utf-8") == made.page(), f"run `python docs/{name}.py`"


def test_every_command_answers_help():
    for name, command in script("make_commands").every_command():
        assert command.help, f"`{name}` has no help"
