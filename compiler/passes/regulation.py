"""Regulation: each clause that the chosen packs demand of this risk class is covered by a control, or is a gap."""

from collections.abc import Iterator

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.passes.context import Context
from charter.compiler.regulation import Answer, Catalogue, Clause, catalogues, demanded
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.source import Span
from charter.dsl.suggest import did_you_mean


def check_regulation(context: Context) -> Iterator[Diagnostic]:
    """CH1501 clause not covered, CH1502 unknown clause (both warnings), CH0406 prohibited."""
    charter = context.charter
    if charter.lifecycle is None:
        return
    for catalogue in catalogues(charter):
        span = _chosen(charter.lifecycle, catalogue.pack)
        for clause in catalogue.clauses:
            if clause.kind == "prohibition" and charter.lifecycle.risk in clause.risk and clause.binds(context.as_of):
                yield error("CH0406", span, _prohibited(catalogue.pack, clause, charter.lifecycle.risk))
        yield from _unknown(charter, catalogue)
    for finding in demanded(context):
        if not finding.by:
            span = _chosen(charter.lifecycle, finding.pack)
            yield warning("CH1501", span, _gap(finding.pack, finding.clause, charter.lifecycle.risk))


def _chosen(lifecycle: model.Lifecycle, pack: str) -> Span:
    """Where this charter names the pack; if it inherits it, or for `core`, the risk class brings the clause in."""
    own = lifecycle.node.span.path
    named = next((item.span for item in lifecycle.packs if item.text == pack and item.span.path == own), None)
    risk = lifecycle.clause("risk")
    return named or (risk.span if risk else lifecycle.node.header_span)


def _gap(pack: str, clause: Clause, risk: str) -> str:
    ways = [_way(answer) for answer in clause.checked_by]
    ways.append(f'a `policy` that `satisfies {pack} "{clause.id}"`')
    dates = "; ".join(filter(None, (_period(d.since, d.until, d.confidence, d.source) for d in clause.dates)))
    return (
        f"`{pack}` demands `{clause.id}` of a system of risk class `{risk}`, and no control here answers to it. "
        f"{clause.obligation} Add {' or '.join(ways)}. Evidence: {', '.join(clause.evidence)}. ({dates})"
    )


def _way(answer: Answer) -> str:
    article = "an" if answer.control[0] in "aeiou" else "a"
    metrics = f" with a bound on {' or '.join(f'`{metric}`' for metric in answer.metrics)}" if answer.metrics else ""
    says = f" that says {' and '.join(f'`{keyword}`' for keyword in answer.says)}" if answer.says else ""
    # What stands at no gate, or only warns, answers to nothing.
    where = " on the way to every deployment" if answer.control in ("evaluation", "approval") else ""
    bound = " with a bound that stops" if not metrics and answer.control in ("evaluation", "monitor") else ""
    return f"{article} `{answer.control}`{metrics}{bound}{says}{where}"


def _period(since: str | None, until: str | None, confidence: str, source: str) -> str:
    days = " ".join(filter(None, (f"from {since}" if since else "", f"until {until}" if until else "")))
    return ", ".join(filter(None, (days, confidence, source)))


def _prohibited(pack: str, clause: Clause, risk: str) -> str:
    return (
        f"`{clause.id}` of `{pack}` forbids a system of risk class `{risk}`. {clause.obligation} Change what the "
        "system does, or correct the class; nothing can waive this."
    )


def _unknown(charter: model.Charter, catalogue: Catalogue) -> Iterator[Diagnostic]:
    known = [clause.id for clause in catalogue.clauses]
    for policy in charter.policies.values():
        for clause in policy.satisfies:
            written = read.word(clause, "clause")
            if read.word(clause, "pack") == catalogue.pack and written not in known:
                hint = did_you_mean(written, known)
                listed = ", ".join(f"`{item}`" for item in known[:8])
                serves = f"`{catalogue.pack}` has no clause `{written}`, so the policy serves nothing by it."
                detail = f"{serves}{hint} It has {listed}."
                value = clause.arguments.get("clause")
                yield warning("CH1502", value.span if value else clause.span, detail)
