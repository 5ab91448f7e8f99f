"""What a check proved of a charter, and what it did not and cannot: the second half of every green answer."""

from collections.abc import Iterator

from msgspec import Struct

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.passes.references import references
from charter.compiler.passes.statistics import Judgement, judge
from charter.compiler.pins import DATA_FORMATS
from charter.compiler.sentences import bound_sentence


class Item(Struct, frozen=True):
    """One line of the account: an area, and what can be said about it in a sentence."""

    area: str
    text: str


def proved(charter: model.Charter) -> tuple[Item, ...]:
    """What holds, with how many things it was looked at; areas that the charter does not touch are left out."""
    kpis = sum(len(objective.kpis) for objective in charter.objectives.values())
    hazards = sum(len(objective.hazards) for objective in charter.objectives.values())
    counted = [
        ("names", len(list(references(charter))), "every reference ({}) means something of the right kind"),
        (
            "bounds",
            len(list(charter.bounds())) - kpis,
            "every bound ({}) is on something that can be measured, in its unit, and can be met and missed",
        ),
        (
            "samples",
            sum(item.verdict == "possible" for item in judge(charter)),
            "{} of the bounds `with confidence` can be established with the rows that are guaranteed",
        ),
        ("order", len(charter.datasets) + len(charter.models), "no stage waits for itself, round any number of others"),
        ("gates", len(charter.deployments), "every deployment ({}) waits for an evaluation that can stop it"),
        ("leakage", len(charter.evaluations), "every evaluation ({}) looks at rows that its model has not seen"),
        ("duties", len(charter.approvals), "every approval ({}) is on evidence, by as many as its role promises"),
        ("hazards", hazards, "every hazard ({}) has mitigations that stand at a gate and can close it"),
        ("waivers", len(charter.waivers), "every waiver ({}) is of one control that may be waived"),
    ]
    return tuple(Item(area, text.format(count)) for area, count, text in counted if count)


def not_checked(charter: model.Charter) -> tuple[Item, ...]:
    """What nobody should read into a green check, named as exactly as the charter allows."""
    return tuple(_not_checked(charter))


def _not_checked(charter: model.Charter) -> Iterator[Item]:
    files = sorted(
        dataset.source.location.value
        for dataset in charter.datasets.values()
        if dataset.source and dataset.source.location and dataset.source.format in DATA_FORMATS
    )
    if files:
        yield Item("data", f"what is in {_listed(files)}, columns included: `charter run` measures it")
    if charter.evaluations:
        yield Item("evidence", "whether any bound is met: only evidence of a run can tell")
    yield from (Item("samples", _said(item)) for item in judge(charter) if item.why)
    rego = sorted({policy.rego.value for policy in charter.policies.values() if policy.rego})
    if rego:
        yield Item("policies", f"what {_listed(rego)} decides; the policy engine loads it before a run starts")
    code = sorted(_code(charter))
    if code:
        yield Item("code", f"what {_listed(code)} does: it was found, not run")
    if charter.roles:
        yield Item("people", f"who holds {_listed(sorted(charter.roles))}: that stands in the signed trust root")
    if charter.waivers:
        yield Item("dates", "whether waivers are signed, and still hold: that is decided at the gate")
    kpis = [bound_sentence(bound) for objective in charter.objectives.values() for bound in objective.kpis]
    if kpis:
        yield Item("kpis", f"{_listed(kpis)}: recorded for people, no gate decides on it")
    yield Item("law", "whether the chosen packs cover what the law demands of this system")


def _said(judgement: Judgement) -> str:
    """What is open of one bound `with confidence`."""
    bound = f"`{bound_sentence(judgement.bound)}` of `{judgement.name}`"
    if judgement.verdict == "open":
        return f"whether there are rows enough to establish {bound}: {judgement.why}"
    return f"{judgement.why}, for {bound}: at best they are enough"


def _code(charter: model.Charter) -> Iterator[str]:
    for dataset in charter.datasets.values():
        if dataset.source and dataset.source.format == "python" and dataset.source.location:
            yield dataset.source.location.value
    for declared in charter.models.values():
        if declared.trainer_kind == "python":
            yield read.word(declared.clause("trainer"), "name")


def _listed(items: list[str]) -> str:
    shown = ", ".join(f"`{item}`" for item in items[:5])
    return f"{shown} and {len(items) - 5} more" if len(items) > 5 else shown
