"""Builds the report's view from a project's records."""

from collections.abc import Mapping, Sequence

from charter.compiler.ir import Approval
from charter.runtime.ledger import anchors
from charter.runtime.ledger.verify import Verdict, VerificationReport, verify_ledger
from charter.runtime.project import Project
from charter.runtime.report.attempts import attempts
from charter.runtime.report.decisions import approval_view, decisions, held_back, waiver_view
from charter.runtime.report.drawing import draw
from charter.runtime.report.gaps import unchecked
from charter.runtime.report.numbers import plural
from charter.runtime.report.source import Source, ledger_key
from charter.runtime.report.stages import stage_view
from charter.runtime.report.story import headline, story
from charter.runtime.report.timeline import timeline
from charter.runtime.report.view import Fact, LedgerView, Report, StageView, Tone
from charter.runtime.trust.times import stamp
from charter.runtime.version import VERSION


def build_report(source: Source, ledger: LedgerView) -> Report:
    """Everything that the report shows."""
    ir, head = source.ir, source.ir.lifecycle
    tried = attempts(ir, source.events)
    stages = tuple(stage_view(source, item, tried) for item in source.standing.values())
    taken = decisions(source.events)
    approvals = tuple(approval_view(source, item) for item in ir.controls if isinstance(item, Approval))
    state, tone = headline(source)
    return Report(
        name=head.name,
        version=head.version,
        owner=head.owner,
        purpose=head.purpose,
        risk=head.risk,
        packs=", ".join(head.packs) or "none",
        iteration=source.state.iteration,
        meaning=ir.meaning,
        bundle=ir.bundle.digest,
        ir=source.state.runs[-1].ir,
        generated=stamp(source.now).replace("T", " ").replace("Z", " UTC"),
        made_by=f"Charter {VERSION}",
        tone=tone,
        state=state,
        facts=_facts(source, stages, ledger),
        story=tuple(story(source, taken, approvals, stages)),
        drawing=draw(ir, stages),
        stages=stages,
        denied=tuple(held_back(taken)),
        decisions=tuple(reversed(taken)),
        approvals=approvals,
        waivers=tuple(waiver_view(source, waiver) for waiver in ir.waivers),
        unchecked=tuple(unchecked(source, stages, ledger)),
        timeline=tuple(timeline(source.events, source.state.gaps.values())),
        ledger=ledger,
    )


def _facts(source: Source, stages: Sequence[StageView], ledger: LedgerView) -> tuple[Fact, ...]:
    controls = [control for stage in stages for control in stage.controls]
    met = sum(control.standing == "met" for control in controls)
    breached = sum(control.standing in {"breached", "unproved"} for control in controls)
    done = sum(stage.tone == "good" for stage in stages)
    return (
        Fact(f"{done} of {len(stages)}", "stages done", "good" if done == len(stages) else "quiet"),
        Fact(f"{met} of {len(controls)}", "controls met", "bad" if breached else "quiet"),
        Fact(
            str(len({*(item.body.person for item in source.signed), *(item.body.person for item in source.acts)})),
            "people signed",
        ),
        Fact(f"{ledger.size:,}", "records in the ledger", ledger.tone if ledger.tone == "bad" else "quiet"),
    )


_VERDICTS = {
    Verdict.ANCHORED: "whole, unaltered and anchored",
    Verdict.NOT_ANCHORED: "whole and unaltered, but NOT ANCHORED outside this project",
    Verdict.INCOMPLETE: "unaltered, but bodies or attachments are missing",
    Verdict.EMPTY: "empty",
    Verdict.TAMPERED: "TAMPERED WITH",
}


_TONES: Mapping[Verdict, Tone] = {
    Verdict.ANCHORED: "good",
    Verdict.NOT_ANCHORED: "waiting",
    Verdict.INCOMPLETE: "waiting",
}


def ledger_view(project: Project, checkpoint: str) -> LedgerView:
    """Verify the whole ledger, and say what was found.

    Args:
        project: whose ledger.
        checkpoint: its newest signed checkpoint, to be printed.

    Raises:
        Failure: it cannot be read at all.
    """
    path = project.checkpoints_path
    kept = anchors.read_anchors(path) if path.exists() else []
    report = verify_ledger(project.ledger_path, local_pins=kept, public_key=ledger_key(project))
    return LedgerView(
        origin=report.origin,
        size=report.size,
        root=report.root.hex(),
        key=report.key,
        verdict=f"{_VERDICTS[report.verdict]}{_local(report)}",
        tone=_TONES.get(report.verdict, "bad"),
        findings=tuple(str(finding) for finding in report.findings[:20]),
        checkpoint=tuple(checkpoint.rstrip("\n").split("\n")),
    )


def _local(report: VerificationReport) -> str:
    if not report.anchored_locally or report.finding_count:
        return ""
    return f" ({plural(report.anchored_locally, 'record')} agree with the checkpoints kept beside it)"
