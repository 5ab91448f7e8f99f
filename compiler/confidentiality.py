"""How confidential rows are: the class of every dataset, as it travels through derived datasets.

A class only rises on the way, and what one dataset says of a file holds for all that read it. It falls where every
column that identifies a person was dropped *and* somebody attests it: behind an approval by the role that
`attested as` names, and nowhere else.
"""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from msgspec import Struct

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.data import rows_of

LEVELS = ("public", "internal", "personal", "special-category")
"""The classes, least confidential first."""

PERSONAL = LEVELS.index("personal")
SPECIAL = LEVELS.index("special-category")


class Class(Struct, frozen=True):
    """The class of a dataset's final rows, as an index into `LEVELS`.

    Attributes:
        level: as long as nobody has attested anything.
        known: whether every dataset that they come from declares one; otherwise `level` is the least it can be.
        fallen: once all of `attesters` have; `level` where nobody attests.
        attesters: names of roles.
        source: the dataset that `level` comes from.
        inherited: the class, once attested, of what it derives from.
        named: whether the columns that identify a person are named, here or before.
        left: those of them that are still there.
        refused: why an `attested as` cannot count; empty if it can, or there is none.
    """

    level: int
    known: bool
    fallen: int
    attesters: frozenset[str]
    source: str
    inherited: int
    named: bool
    left: tuple[str, ...]
    refused: str = ""

    def behind(self, approvers: Iterable[str]) -> int:
        """The class at a stage that has waited for approvals by these roles."""
        return self.fallen if self.attesters <= set(approvers) else self.level


def classify(charter: model.Charter) -> Mapping[str, Class]:
    """The class of every dataset by name; nothing where datasets derive from each other, which another pass finds."""
    origins = {name: _inherits(dataset, charter) for name, dataset in charter.datasets.items()}
    try:
        order = tuple(TopologicalSorter(origins).static_order())
    except CycleError:
        return {}
    classes: dict[str, Class] = {}
    said: dict[str, _Said] = {}
    for name in order:
        dataset = charter.datasets[name]
        key = charter.data_file(dataset)
        if not key or key not in said:
            said[key] = _said(charter.of_same_file(dataset))
        classes[name] = _classified(dataset, said[key], [classes[origin] for origin in origins[name]])
    return classes


def _inherits(dataset: model.Dataset, charter: model.Charter) -> tuple[str, ...]:
    """What it derives from; of feedback, the rows that its model learnt from: what is served has the same columns."""
    served = charter.served_from(dataset)
    return (*origins_of(dataset, charter), *([served.name] if served is not None else []))


def origins_of(dataset: model.Dataset, charter: model.Charter) -> tuple[str, ...]:
    """Names of the datasets that it derives from."""
    references = dataset.source.origins if dataset.source else ()
    found = (rows_of(charter, reference) for reference in references)
    return tuple(dict.fromkeys(rows.dataset.name for rows in found if rows is not None))


class _Said(Struct, frozen=True):
    """What the datasets of one file say of it, taken together; `source` is the one that says the most."""

    least: int
    source: str
    declared: bool
    columns: tuple[str, ...]


def _said(same: tuple[model.Dataset, ...]) -> _Said:
    strictest = max(same, key=_least)
    return _Said(
        least=_least(strictest),
        source=strictest.name,
        declared=any(declared_level(item) is not None for item in same),
        columns=tuple(dict.fromkeys(name.text for item in same for name in item.personal)),
    )


def _classified(dataset: model.Dataset, said: _Said, before: list[Class]) -> Class:
    least = said.least
    source = dataset.name if _least(dataset) == least else said.source
    highest = max(before, key=lambda item: item.level, default=None)
    columns = dict.fromkeys(said.columns)
    columns |= dict.fromkeys(column for item in before for column in item.left)
    dropped = _dropped(dataset)
    found = Class(
        level=max([least, *(item.level for item in before)]),
        known=(said.declared or bool(before)) and all(item.known for item in before),
        fallen=max([least, *(item.fallen for item in before)]),
        attesters=frozenset().union(*(item.attesters for item in before)),
        source=highest.source if highest is not None and highest.level > least else source,
        inherited=max([0, *(item.fallen for item in before)]),
        named=bool(columns) or any(item.named for item in before),
        left=tuple(column for column in columns if column not in dropped),
    )
    return _attested(dataset, found)


def _attested(dataset: model.Dataset, found: Class) -> Class:
    clause = dataset.clause("attested as")
    word, role = read.word(clause, "level"), read.name(clause, "by")
    if word not in LEVELS or role is None:
        return found
    level = LEVELS.index(word)
    refused = _why_not(found, level)
    fallen = found.fallen if refused else min(found.fallen, level)
    return Class(
        level=found.level,
        known=found.known,
        fallen=fallen,
        attesters=found.attesters if refused else frozenset({role.text}),
        source=found.source,
        inherited=found.inherited,
        named=found.named,
        left=found.left,
        refused=refused,
    )


def _why_not(found: Class, level: int) -> str:
    if found.level <= level:
        return f"it is not above `{LEVELS[level]}` anyway. Leave the clause out."
    if not found.named:
        return (
            "no `personal` names the columns that identify a person, so nobody can tell whether they are gone. Name "
            "them, and drop them in `prepare`."
        )
    if found.left:
        columns = ", ".join(f"`{column}`" for column in found.left)
        return f"what identifies a person is still there ({columns}). Drop every personal column in `prepare`."
    return ""


def _least(dataset: model.Dataset) -> int:
    """What the rows are at least, by what the dataset says itself."""
    return max(declared_level(dataset) or 0, PERSONAL if dataset.personal else 0)


def declared_level(dataset: model.Dataset) -> int | None:
    """The class that a dataset declares itself."""
    word = read.word(dataset.clause("class"), "level")
    return LEVELS.index(word) if word in LEVELS else None


def _dropped(dataset: model.Dataset) -> set[str]:
    """The columns that its `prepare` has dropped in the end."""
    dropped: set[str] = set()
    for step in dataset.steps:
        if step.do == "drop columns":
            dropped |= {column.text for column in read.names(step.clause, "columns")}
        elif step.do == "bin":
            dropped.discard(read.word(step.clause, "into"))
    return dropped
