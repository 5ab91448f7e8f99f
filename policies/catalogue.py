"""The catalogue of rule packs: which there are, their Rego modules, and their rules as data."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

_ROOT = Path(__file__).parent
_NO_PACKS = frozenset({"lib", "schema"})


class UnknownPack(LookupError):
    """No pack has this name.

    Attributes:
        name: what was asked for.
        suggestion: the pack that was probably meant, or None.
    """

    def __init__(self, name: str, suggestion: str | None) -> None:
        super().__init__(f"no pack is called `{name}`")
        self.name = name
        self.suggestion = suggestion


class Retention(Struct, frozen=True):
    """What is not to be destroyed before its time.

    Attributes:
        keeps: of `model`, `evidence`, `ledger` (as a retirement's `archive` names them) and `data`.
        lasting: how long after the retirement, as a charter writes it: `10 years`.
        risk: the classes of risk that it holds for.
        clause: where the law says so.
    """

    keeps: tuple[str, ...]
    lasting: str
    risk: tuple[str, ...]
    clause: str
    title: str


class Pack(Struct, frozen=True):
    """One pack.

    Attributes:
        rules: by rule id: title, severity, clauses, remedy. A rule that is not listed here decides nothing.
        modules: Rego text by path in the bundle, tests left out.
        retention: what the law behind the pack asks to be kept, and how long.
    """

    name: str
    version: str
    title: str
    rules: Mapping[str, Mapping[str, Any]]
    modules: Mapping[str, str]
    retention: tuple[Retention, ...] = ()


@cache
def pack_names() -> tuple[str, ...]:
    """Names of all packs, sorted."""
    folders = (item for item in _ROOT.iterdir() if item.is_dir() and item.name not in _NO_PACKS)
    return tuple(sorted(item.name for item in folders if item.joinpath("pack.json").is_file()))


@cache
def load_pack(name: str) -> Pack:
    """Read one pack.

    Raises:
        UnknownPack: there is none of this name.
    """
    if name not in pack_names():
        import difflib

        close = difflib.get_close_matches(name, pack_names(), n=1)
        raise UnknownPack(name, close[0] if close else None)
    about = json.loads(_ROOT.joinpath(name, "pack.json").read_text(encoding="utf-8"))
    return Pack(
        about["name"],
        about["version"],
        about["title"],
        about["rules"],
        _modules(name, f"charter/packs/{name}"),
        tuple(_retention(item) for item in about.get("retention", ())),
    )


def _retention(about: Mapping[str, Any]) -> Retention:
    return Retention(tuple(about["keeps"]), about["for"], tuple(about["risk"]), about["clause"], about["title"])


@cache
def clause_document(name: str) -> Mapping[str, Any] | None:
    """The clauses of a pack, as `clauses.json` has them; None if it has none. `name` is one of `pack_names`."""
    file = _ROOT.joinpath(name, "clauses.json")
    if not file.is_file():
        return None
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


@cache
def base_modules() -> dict[str, str]:
    """The modules of every bundle: the decision and its library, by path in the bundle."""
    decide = {"charter/main.rego": _ROOT.joinpath("decide.rego").read_text(encoding="utf-8")}
    conftest = {"charter/conftest.rego": _ROOT.joinpath("conftest.rego").read_text(encoding="utf-8")}
    return decide | conftest | _modules("lib", "charter/lib")


@cache
def shipped_modules() -> Mapping[str, str]:
    """Every module that any bundle may bring from here, by path in the bundle."""
    packs = (load_pack(name).modules for name in pack_names())
    return base_modules() | {path: text for modules in packs for path, text in modules.items()}


@cache
def schema(name: str) -> Mapping[str, Any]:
    """A published JSON Schema: `input`, `result`, or `input.1` of the inputs in older ledgers."""
    document: dict[str, Any] = json.loads(_ROOT.joinpath("schema", f"{name}.schema.json").read_text(encoding="utf-8"))
    return document


def _modules(folder: str, at: str) -> dict[str, str]:
    files = sorted(_ROOT.joinpath(folder).iterdir(), key=lambda item: item.name)
    return {
        f"{at}/{item.name}": item.read_text(encoding="utf-8")
        for item in files
        if item.name.endswith(".rego") and not item.name.endswith("_test.rego")
    }
