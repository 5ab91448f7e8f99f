"""What `charter diff` says: two versions of a charter compared by meaning, with both places, and what waivers cover."""

import datetime
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from charter.compiler import ir, model
from charter.compiler.compare import Change, Side, Verdict, compare
from charter.compiler.files import ProjectFiles
from charter.compiler.ir import Place
from charter.compiler.order import Order
from charter.compiler.places import place_in
from charter.compiler.standards import Standard
from charter.compiler.stated import control_files, of_charter, of_ir, span_of
from charter.dsl.source import Source


class Asked(Struct, frozen=True):
    """A request for a waiver."""

    name: str
    control: str
    until: str
    text: str
    place: Place


class Version(Struct, frozen=True):
    """One of the two charters.

    Attributes:
        locate: where a standard of it stands, or the side of it that is named.
    """

    lifecycle: str
    version: str
    standards: tuple[Standard, ...]
    waivers: Mapping[str, Asked]
    locate: Callable[[Standard, str], Place]


class Difference(Struct, frozen=True):
    """One standard that is not what it was, or one waiver that is asked for.

    Attributes:
        aspects: the sides that differ, of a standard that is in both.
        loosens: whether less is asked, or nobody can tell that it is not less.
        waiver: the name of a waiver that covers it.
    """

    verdict: Verdict
    subject: str
    id: str
    control: bool
    loosens: bool
    aspects: tuple[Side, ...]
    old_text: str | None = None
    new_text: str | None = None
    old_place: Place | None = None
    new_place: Place | None = None
    waiver: str | None = None


class Report(Struct, frozen=True):
    """Everything that differs."""

    differences: tuple[Difference, ...]
    waivers: tuple[Difference, ...]

    @property
    def weakened(self) -> tuple[Difference, ...]:
        """What asks for less than before, and no waiver covers it."""
        return tuple(item for item in self.differences if item.loosens and item.waiver is None)


def version_of_charter(charter: model.Charter, sources: Mapping[str, Source], files: ProjectFiles) -> Version:
    """A charter without errors, as something to compare."""
    digests = {path: known for path in control_files(charter) if isinstance(known := files.digest(path), str)}
    waivers = {
        name: Asked(
            name,
            waiver.of.text if waiver.of else "",
            waiver.until.value if waiver.until else "",
            _waiver_text(name, waiver.of.text if waiver.of else "", waiver.until.value if waiver.until else ""),
            place_in(sources, waiver.node.header_span),
        )
        for name, waiver in charter.waivers.items()
    }
    return Version(
        charter.lifecycle.name if charter.lifecycle else "",
        charter.lifecycle.version if charter.lifecycle else "",
        of_charter(charter, digests),
        waivers,
        lambda standard, side: place_in(sources, span_of(standard, charter, side)),
    )


def version_of_ir(compiled: ir.IR) -> Version:
    """A compiled charter, as something to compare."""
    controls = {control.id: control.place for control in compiled.controls}
    waivers = {
        w.name: Asked(w.name, w.control, w.until, _waiver_text(w.name, w.control, w.until), w.place)
        for w in compiled.waivers
    }

    def locate(standard: Standard, _side: str) -> Place:
        declared = compiled.declarations.get(standard.subject)
        known = controls.get(standard.id) if standard.gate else None
        return known or (declared.place if declared else compiled.lifecycle.place)

    lifecycle = compiled.lifecycle
    return Version(lifecycle.name, lifecycle.version, of_ir(compiled), waivers, locate)


def _waiver_text(name: str, control: str, until: str) -> str:
    return f"{name} of {control} until {until}"


def differences(old: Version, new: Version, today: datetime.date) -> Report:
    """Everything that differs in meaning; `today` decides which waivers may still cover anything."""
    covering = {asked.control: asked.name for asked in new.waivers.values() if lasting_until(asked.until, today)}
    found = tuple(_difference(change, old, new, covering) for change in compare(old.standards, new.standards))
    return Report(found, tuple(_waivers(old.waivers, new.waivers)))


def lasting_until(until: str, today: datetime.date) -> bool:
    """Whether a waiver's last day is still to come, or is today; a day that does not exist is past."""
    try:
        return datetime.date.fromisoformat(until) >= today
    except ValueError:
        return False


def _difference(change: Change, old: Version, new: Version, covering: Mapping[str, str]) -> Difference:
    before, after = change.old, change.new
    # The side that matters most: one that is not stricter, or else the first.
    worst = sorted(change.sides, key=lambda side: (not side.control, side.order is Order.TIGHTER))
    side = worst[0].name if worst else ""
    # A waiver lives with a breach of the bound; evidence of too low a grade cannot be waived.
    lower_grade = any(side.name == "grade" and side.order is Order.WEAKER for side in change.sides)
    waived = change.verdict is Verdict.WEAKENED and after is not None and after.gate and not lower_grade
    return Difference(
        change.verdict,
        change.standard.subject,
        change.standard.id,
        change.control,
        change.loosens,
        change.sides,
        before.text if before else None,
        after.text if after else None,
        old.locate(before, side) if before else None,
        new.locate(after, side) if after else None,
        covering.get(after.id) if waived and after is not None else None,
    )


def _waivers(old: Mapping[str, Asked], new: Mapping[str, Asked]) -> Iterable[Difference]:
    """Waivers that came, went or changed: requests, so none of them weakens anything by itself."""
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before is not None and after is not None and before.text == after.text:
            continue
        verdict = Verdict.ADDED if before is None else Verdict.REMOVED if after is None else Verdict.CHANGED
        yield Difference(
            verdict,
            f"waiver/{name}",
            name,
            True,
            False,
            (),
            before.text if before else None,
            after.text if after else None,
            before.place if before else None,
            after.place if after else None,
        )
