"""What other policies would have decided: past decisions that flip, by which policy, and what came of them."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from charter.compiler.ir import Bundle
from charter.compiler.rego.bundle import reads_models
from charter.compiler.rego.digest import content_digest
from charter.runtime.audit.consequences import Deployment, deployed_because_of, followed
from charter.runtime.audit.past import Past, PastDecision
from charter.runtime.audit.reading import read_text
from charter.runtime.audit.redecide import about, recorded_answer, redecide
from charter.runtime.audit.replay import Progress, grouped, load
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.gates.engine import PolicyEngine

_PACKAGE = re.compile(r"^[ \t]*package[ \t]+([\w.\"\[\]-]+)", re.MULTILINE)
_NO_MODELS = "its input is of version 1, without the `models` that these policies read: they would not have seen any"
_LARGEST = 4 << 20
_RULE = {"title": str, "severity": str, "clauses": list, "remedy": str}

Change = Callable[[Bundle], Bundle]
"""Makes the policies to ask from those that were recorded."""


@dataclass(frozen=True, slots=True)
class Flip:
    """One past decision that would be another.

    Attributes:
        because: for what would be held back, the new reasons; for what would pass, the reasons that are gone.
        policies: the policies (packs, `charter` for the charter's own bounds) that say so.
        deployed: what went live because of it, when it had allowed.
    """

    seq: int
    time: str
    gate: str
    then: str
    now: str
    because: tuple[str, ...]
    policies: tuple[str, ...]
    deployed: tuple[Deployment, ...]


@dataclass
class WhatIf:
    """What was asked so far; `undecided` says why something was not asked, by record."""

    total: int
    asked: int = 0
    interrupted: bool = False
    flips: list[Flip] = field(default_factory=list)
    undecided: list[tuple[int, str]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 something flips, 130 interrupted, 6 not everything could be asked or there was nothing, 0 nothing flips."""
        if self.flips:
            return int(ExitCode.DENIED)
        if self.interrupted:
            return 130
        return int(ExitCode.INCOMPLETE if self.undecided or not self.asked else ExitCode.OK)


def whatif(
    past: Past, engine: PolicyEngine, wanted: Iterable[PastDecision], change: Change, progress: Progress
) -> WhatIf:
    """Ask other policies about every past input; Ctrl-C ends it with what was found until then.

    Raises:
        Failure: the new policies do not fit what was recorded, or no engine loads them.
    """
    groups, left = grouped(past, wanted)
    found = WhatIf(sum(len(group) for _, group in groups) + len(left))
    found.undecided += [(item.seq, "; ".join((str(item.outcome), *item.what))) for item in left]
    made = followed(past)
    try:
        for compiled, group in groups:
            bundle = change(compiled.bundle)
            if refused := load(engine, bundle):
                raise Failure("new policies cannot be loaded", f"{refused}.")
            blind = reads_models(bundle.modules)
            for item in group:
                data = past.input(item.body) if item.body else None
                found.asked += 1
                progress(found.asked, found.total)
                if data is not None and blind and _of_version_1(data):
                    found.undecided.append((item.seq, _NO_MODELS))
                    continue
                answer = redecide(engine, bundle, data) if data is not None else None
                if answer is None or item.body is None:
                    found.undecided.append((item.seq, "its input is not in the ledger any more"))
                    continue
                if answer.failed:
                    found.undecided.append((item.seq, answer.failed))
                    continue
                then = recorded_answer(item.body)
                if then.word == answer.word:
                    continue
                new = [one for one in answer.violations if one not in then.violations]
                gone = [one for one in then.violations if one not in answer.violations]
                reasons = gone if answer.allow else new or list(answer.violations)
                deployed = deployed_because_of(made, past.state, item) if then.allow else []
                found.flips.append(
                    Flip(
                        item.seq, item.time, item.body.gate, then.word, answer.word, tuple(map(about, reasons)),
                        tuple(sorted({str(one.get("policy", "?")) for one in reasons})), tuple(deployed),
                    )
                )  # fmt: skip
    except KeyboardInterrupt:
        found.interrupted = True
    found.flips.sort(key=lambda flip: flip.seq)
    return found


def _of_version_1(data: bytes) -> bool:
    try:
        return msgspec.json.decode(data, type=_Version).schema == 1
    except msgspec.DecodeError:
        return False  # no input at all: asking says so


class _Version(msgspec.Struct):
    schema: int


def with_bundle(new: Bundle) -> Change:
    """The policies of another charter, whatever was recorded."""
    return lambda _: new


def with_policies(folder: Path) -> Change:
    """Recorded policies with the Rego files of a folder in place of those of the same package.

    A folder with a `pack.json` is a pack: its rules count from now on, whether the charter used it or not.

    Raises:
        Failure: no Rego there, a file that cannot be read, or (when used) a package that nothing recorded has.
    """
    files = _rego_files(folder)
    pack = _pack(folder)

    def change(bundle: Bundle) -> Bundle:
        modules = dict(bundle.modules)
        packages = {path: _package(text) for path, text in modules.items()}
        for path, text in files.items():
            package = _package(text)
            same = [name for name, found in packages.items() if found == package]
            named = [name for name in same if name.rpartition("/")[2] == path.name]
            if len(named or same) == 1:
                modules[(named or same)[0]] = text
            elif pack is not None and package.startswith(f"charter.packs.{pack['name']}"):
                modules[f"charter/packs/{pack['name']}/{path.name}"] = text
            else:
                known = ", ".join(sorted({name for name in packages.values() if name}))
                raise Failure(
                    "policy replaces nothing",
                    f"`{path}` is of the package `{package or '?'}`, and the recorded policies have "
                    f"{'several files' if same else 'none'} of it. Packages that were recorded: {known}. A new pack "
                    "has a `pack.json` beside its Rego.",
                )
        return _bundle(bundle, modules, pack)

    return change


def _bundle(bundle: Bundle, modules: dict[str, str], pack: Mapping[str, Any] | None) -> Bundle:
    plan = dict(bundle.data["charter"]["plan"])
    if pack is not None:
        name = pack["name"]
        ids = {rule: f"{name}/{rule}" for rule in sorted(pack["rules"])}
        kept = {key: rule for key, rule in plan["rules"].items() if not key.startswith(f"{name}/")}
        plan["packs"] = {**plan["packs"], name: ids}
        plan["rules"] = kept | {ids[rule]: _rule(name, rule, said) for rule, said in pack["rules"].items()}
    data = {**bundle.data, "charter": {**bundle.data["charter"], "plan": plan}}
    ordered = dict(sorted(modules.items()))
    digest = content_digest(ordered, data, bundle.entrypoint, bundle.roots)
    revision = f"{plan['lifecycle']}-{digest.removeprefix('sha256:')[:16]}"
    plan["revision"] = revision
    return Bundle(
        revision=revision, digest=digest, entrypoint=bundle.entrypoint, modules=ordered, data=data, roots=bundle.roots
    )


def _rule(pack: str, rule: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as bundles have it (`charter.compiler.rego.bundle`)."""
    return {
        "policy": pack,
        "rule": rule,
        "title": said["title"],
        "enforce": said["severity"],
        "clauses": list(said["clauses"]),
        "remedy": said["remedy"],
    }


def _rego_files(folder: Path) -> dict[Path, str]:
    if not folder.is_dir():
        raise Failure("no such folder", f"`{folder}` is not a folder. Name one with the `.rego` files to ask.")
    found = {}
    for path in sorted(folder.rglob("*.rego")):
        if not path.is_file() or path.name.endswith("_test.rego"):
            continue
        found[path] = read_text(path, "policy", _LARGEST)
    if not found:
        raise Failure("no policies there", f"`{folder}` has no `.rego` file (tests apart), so there is nothing to ask.")
    return found


def _pack(folder: Path) -> Mapping[str, Any] | None:
    path = folder / "pack.json"
    if not path.is_file():
        return None
    try:
        pack = json.loads(read_text(path, "policy", _LARGEST))
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,63}", pack["name"]):
            raise ValueError(f"`{pack['name']!r:.40}` is no pack's name")
        for rule, said in pack["rules"].items():
            for name, kind in _RULE.items():
                if not isinstance(said[name], kind):
                    raise ValueError(f"`{name}` of `{rule}` is malformed")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Failure("not a pack", f"`{path}` is no pack's description: {error}.") from None
    found: Mapping[str, Any] = pack
    return found


def _package(text: str) -> str:
    found = _PACKAGE.search(text)
    return found[1] if found else ""
