"""What a check proved of a charter, and what it did not and cannot: the second half of every green answer."""

from collections.abc import Iterator

from msgspec import Struct

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.confidentiality import PERSONAL, classify, origins_of
from charter.compiler.graph import Ancestry
from charter.compiler.licences import Use, commercial_use
from charter.compiler.not_run import why_not_run
from charter.compiler.passes.duties import certain_quorum
from charter.compiler.passes.gating import by_model
from charter.compiler.passes.licence import is_commercial
from charter.compiler.passes.references import references
from charter.compiler.passes.retention import floors_of
from charter.compiler.passes.statistics import Judgement, judge
from charter.compiler.pins import data_files
from charter.compiler.regulation import catalogues
from charter.compiler.sentences import bound_sentence
from charter.compiler.transforms import build_graph


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
        ("flow", _classified(charter), "every classified dataset ({}) reaches only what is cleared for it"),
        (
            "licences",
            sum(use == "permitted" for use in _uses(charter).values()) if _commercial(charter) else 0,
            "{} of the licences are known to permit commercial use, and none that forbids it reaches any",
        ),
        ("duties", len(charter.approvals), "every approval ({}) is on evidence, by as many as its role promises"),
        ("hazards", hazards, "every hazard ({}) has mitigations that stand at a gate and can close it"),
        (
            "retention",
            len(charter.retirements) if floors_of(charter) else 0,
            "every retirement ({}) keeps what the chosen packs ask for, and as long",
        ),
        ("baseline", _extends(charter), "nothing that the baseline demands is weakened or left out"),
        ("waivers", len(charter.waivers), "every waiver ({}) is of one control that may be waived"),
    ]
    return tuple(Item(area, text.format(count)) for area, count, text in counted if count)


def _extends(charter: model.Charter) -> int:
    return int(charter.lifecycle is not None and charter.lifecycle.clause("extends") is not None)


def not_checked(charter: model.Charter) -> tuple[Item, ...]:
    """What nobody should read into a green check, named as exactly as the charter allows."""
    return tuple(_not_checked(charter))


def _not_checked(charter: model.Charter) -> Iterator[Item]:
    for stage, reasons in why_not_run(charter, build_graph(charter).nodes).items():
        text = "proved and compiled, but not run yet: `charter run` stops there"
        yield Item("run", f"what `{stage}` does with {' and '.join(reasons)}: {text}")
    files = sorted({location.value for dataset in charter.datasets.values() for location in data_files(dataset)})
    if files:
        yield Item("data", f"what is in {_listed(files)}, columns included: `charter run` measures it")
    if charter.evaluations:
        yield Item("evidence", "whether any bound is met: only evidence of a run can tell")
    yield from (Item("samples", _said(item)) for item in judge(charter) if item.why)
    yield from _of_rows(charter)
    rego = sorted({policy.rego.value for policy in charter.policies.values() if policy.rego})
    if rego:
        yield Item("policies", f"what {_listed(rego)} decides; the policy engine loads it before a run starts")
    code = sorted(_code(charter))
    if code:
        yield Item("code", f"what {_listed(code)} does: it was found, not run")
    yield from _of_approvals(charter)
    yield from _of_quorums(charter)
    if charter.roles:
        yield Item("people", f"who holds {_listed(sorted(charter.roles))}: that stands in the signed trust root")
    if charter.waivers:
        yield Item("dates", "whether waivers are signed, and still hold: the gate decides; `--as-of` judges their days")
    kept = sorted(charter.models.keys() - {item.of.text for item in charter.retirements.values() if item.of})
    if kept and floors_of(charter):
        yield Item("retention", f"how long anything of {_listed(kept)} is kept: no retirement says so")
    kpis = [bound_sentence(bound) for objective in charter.objectives.values() for bound in objective.kpis]
    if kpis:
        yield Item("kpis", f"{_listed(kpis)}: recorded for people, no gate decides on it")
    for catalogue in catalogues(charter):
        yield from (Item("packs", f"`{catalogue.pack}` does not cover {text}") for text in catalogue.not_covered)
    yield Item("law", "whether the chosen packs cover what the law demands of this system")


def _said(judgement: Judgement) -> str:
    """What is open of one bound `with confidence`."""
    bound = f"`{bound_sentence(judgement.bound)}` of `{judgement.name}`"
    if judgement.verdict == "open":
        return f"whether there are rows enough to establish {bound}: {judgement.why}"
    return f"{judgement.why}: {bound} rests on them, and at best they are enough"


def _of_rows(charter: model.Charter) -> Iterator[Item]:
    """What is open of class, licence and of who is in which part."""
    classes = classify(charter)
    unknown = sorted(name for name, found in classes.items() if not found.known)
    if unknown:
        yield Item("flow", f"how confidential {_listed(unknown)} is: no class is declared")
    people = sorted(
        name
        for name, dataset in charter.datasets.items()
        if dataset.split and not dataset.split.grouped_by and name in classes and classes[name].level >= PERSONAL
    )
    if people:
        yield Item("leakage", f"whether one person is in several parts of {_listed(people)}: nothing is `grouped by`")
    yield from _of_files(charter)
    if not _commercial(charter):
        return
    uses = _uses(charter)
    open_ = {name: uses[name] for name, dataset in charter.datasets.items() if not origins_of(dataset, charter)}
    for use, why in ((None, "no licence is named"), ("own terms", "these are terms of your own")):
        names = sorted(name for name, found in open_.items() if found == use)
        if names:
            yield Item("licences", f"whether {_listed(names)} may be used commercially: {why}")


def _of_files(charter: model.Charter) -> Iterator[Item]:
    """What files have in common is known of whole files only."""
    if charter.uncompared:
        text = f"whether {_listed(list(charter.uncompared))} is a copy of another file: not there yet, or too large"
        yield Item("leakage", text)
    different = sorted({path for dataset in charter.datasets.values() if (path := charter.data_file(dataset))})
    if len(different) > 1:
        yield Item("leakage", f"whether {_listed(different)} share rows: files were compared as wholes only")


def _of_approvals(charter: model.Charter) -> Iterator[Item]:
    """Deployments that go live without a person's word: below high risk that is allowed, and never silent."""
    if charter.lifecycle is None or charter.lifecycle.risk == "high" or not charter.deployments:
        return  # of high risk it is an error
    graph = build_graph(charter)
    order = graph.order()
    if order is None:
        return
    ancestry, approvals = Ancestry(graph, order), by_model(charter.approvals.values())
    alone = sorted(
        deployment.name
        for deployment in charter.deployments.values()
        if deployment.of is not None
        and not any(
            ancestry.precedes(f"approve/{approval.name}", (f"deploy/{deployment.name}",))
            for approval in approvals[deployment.of.text]
        )
    )
    if alone:
        text = f"whether anybody agrees to {_listed(alone)}: it goes live by its evaluations alone, on no approval"
        yield Item("people", text)


def _of_quorums(charter: model.Charter) -> Iterator[Item]:
    """Approvals that could lack people, if those who are excluded hold the role."""
    for approval in charter.approvals.values():
        role = charter.roles.get(approval.role.text) if approval.role else None
        if role is not None and role.members_at_least < certain_quorum(approval):
            excluded = " and ".join(name.text for name in approval.excluding)
            yield Item(
                "people",
                f"whether `{role.name}` has people enough for `{approval.name}` without {excluded}: "
                f"certain with `members at least {certain_quorum(approval)}`",
            )


def _classified(charter: model.Charter) -> int:
    return sum(found.known for found in classify(charter).values())


def _commercial(charter: model.Charter) -> bool:
    return any(is_commercial(deployment) for deployment in charter.deployments.values())


def _uses(charter: model.Charter) -> dict[str, Use | None]:
    """What the licence of every dataset's file says of commercial use; None where none is named of it."""
    own = {name: read.text(item.clause("license"), "value") for name, item in charter.datasets.items()}
    of_file = {charter.data_file(charter.datasets[name]): licence for name, licence in own.items() if licence}
    found = {
        name: own[name] or (of_file.get(path) if (path := charter.data_file(item)) else None)
        for name, item in charter.datasets.items()
    }
    return {name: commercial_use(licence.value) if licence else None for name, licence in found.items()}


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
