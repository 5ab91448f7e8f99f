"""Which clauses the chosen packs demand of this system, and which control covers each, with what evidence.

A pack's `clauses.json` is data that anybody may write (docs/policies.md). A clause is covered when a control that can
stop the lifecycle answers to it: one that the clause asks for, or a policy that says `satisfies PACK "CLAUSE"`.
"""

import datetime
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.controls import requirement_ids
from charter.compiler.passes.context import Context
from charter.compiler.passes.gating import can_stop
from charter.compiler.rego.bundle import CORE
from charter.policies.catalogue import clause_document, load_pack, pack_names


class Dates(Struct, frozen=True, forbid_unknown_fields=True):
    """A period in which a clause binds; ISO 8601 days, the last one included, None for no end.

    Attributes:
        confidence: how sure that is: in force, adopted, proposed, or a pack's own rule.
        source: where it is written.
    """

    confidence: str
    source: str
    since: str | None = msgspec.field(name="from", default=None)
    until: str | None = None


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """One way to answer to a clause: a control of this kind, which measures one of these metrics.

    Attributes:
        control: the kind of declaration.
        metrics: of which one has to be bound; empty where any bound will do, or none is needed.
        says: clauses that the declaration has to have, such as `origin` of a dataset.
        rules: rules of the pack that decide it at the gates.
    """

    control: Literal["objective", "dataset", "evaluation", "policy", "approval", "monitor", "retirement"]
    metrics: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


class Clause(Struct, frozen=True, forbid_unknown_fields=True):
    """One clause of a pack.

    Attributes:
        risk: the classes that it binds.
        role: whom it binds, in words: provider, deployer, …; for people, nothing is decided on it.
        annex: annexes that it is about, in words.
        evidence: what is to be shown, by name.
        checked_by: ways to answer to it, of which one is enough; without any, only a policy that `satisfies` it does.
        kind: a `prohibition` is met by not being of these risk classes.
    """

    id: str
    title: str
    obligation: str
    risk: tuple[Literal["prohibited", "high", "limited", "minimal"], ...]
    dates: tuple[Dates, ...]
    evidence: tuple[str, ...]
    checked_by: tuple[Answer, ...] = ()
    role: tuple[str, ...] = ()
    annex: tuple[str, ...] = ()
    kind: Literal["duty", "prohibition"] = "duty"

    def binds(self, day: datetime.date | None) -> bool:
        """Whether it binds on a day; without one, whether it ever does."""
        return day is None or any(_day(d.since) <= day <= _day(d.until, last=True) for d in self.dates)


class Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    """All clauses of a pack, and in plain words what the pack does not cover."""

    pack: str
    title: str
    clauses: tuple[Clause, ...]
    not_covered: tuple[str, ...]


class Finding(Struct, frozen=True):
    """One clause that is demanded of this system.

    Attributes:
        by: the controls that cover it, by id; empty for a gap.
    """

    pack: str
    clause: Clause
    by: tuple[str, ...]


def _day(written: str | None, *, last: bool = False) -> datetime.date:
    if written is None:
        return datetime.date.max if last else datetime.date.min
    return datetime.date.fromisoformat(written)


def catalogue_of(document: Any) -> Catalogue:
    """A pack's clauses.

    Raises:
        msgspec.ValidationError: it is not what a clause file has to be.
    """
    found = msgspec.convert(document, Catalogue)
    for clause in found.clauses:
        for dates in clause.dates:
            try:
                _day(dates.since), _day(dates.until)
            except ValueError as problem:
                raise msgspec.ValidationError(f"`{clause.id}`: {problem}") from None
    return found


def catalogues(charter: model.Charter) -> Iterator[Catalogue]:
    """Those of the chosen packs, core always among them; a pack without clauses demands none."""
    chosen = {pack.text for pack in charter.lifecycle.packs} if charter.lifecycle else set()
    for name in sorted({CORE, *chosen}):
        document = clause_document(name) if name in pack_names() else None
        if document is not None:
            yield catalogue_of(document)


def demanded(context: Context) -> Iterator[Finding]:
    """Every duty of the chosen packs that binds a system of this risk class, with what covers it."""
    lifecycle = context.charter.lifecycle
    for catalogue in catalogues(context.charter) if lifecycle else ():
        for clause in catalogue.clauses:
            bound = lifecycle is not None and lifecycle.risk in clause.risk and clause.binds(context.as_of)
            if clause.kind == "duty" and bound:
                yield Finding(catalogue.pack, clause, tuple(_covered_by(catalogue.pack, clause, context)))


def _covered_by(pack: str, clause: Clause, context: Context) -> Iterator[str]:
    rules = load_pack(pack).rules
    for answer in clause.checked_by:
        if all(rule in rules for rule in answer.rules):
            yield from _controls(answer, context)
    for policy in context.charter.policies.values():
        if policy.enforce != "advisory" and _serves(policy, pack, clause.id):
            yield policy.name


def _serves(policy: model.Policy, pack: str, clause: str) -> bool:
    return any(read.word(item, "pack") == pack and read.word(item, "clause") == clause for item in policy.satisfies)


def _controls(answer: Answer, context: Context) -> Iterator[str]:
    """The controls of this kind that stand at a gate and can close it."""
    charter = context.charter
    for declared in charter.by_kind[answer.control].values():
        if any(declared.clause(keyword) is None for keyword in answer.says) or not _on_the_way(declared, context):
            continue
        if isinstance(declared, model.Dataset | model.Evaluation | model.Monitor):
            yield from _bounds(declared, answer.metrics, said=bool(answer.says))
        else:
            yield declared.name


def _bounds(declared: model.Measuring, metrics: Iterable[str], *, said: bool) -> Iterator[str]:
    wanted = frozenset(metrics)
    ids = requirement_ids(declared, declared.requires)
    held = [
        i for i, b in zip(ids, declared.requires, strict=True) if can_stop((b,)) and (not wanted or b.metric in wanted)
    ]
    if held:
        yield from held
    elif said and not wanted:
        yield declared.name


def _on_the_way(declared: model.Declared, context: Context) -> bool:
    """Whether something would stop if it said no: it has a gate, and a deployment waits for it if it comes before."""
    match declared:
        case model.Evaluation():
            return f"evaluate/{declared.name}" in context.deployed_after
        case model.Approval():
            return f"approve/{declared.name}" in context.deployed_after
        case model.Policy():
            return declared.enforce != "advisory"
        case model.Objective():
            return bool(declared.hazards)
    return True
