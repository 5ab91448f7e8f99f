"""The lifecycle graph as a drawing."""

from collections.abc import Sequence

from charter.compiler.ir import IR
from charter.runtime.report.layout import lay_out
from charter.runtime.report.view import BoxView, Drawing, EdgeView, StageView, Tone

_LONGEST = 24


def draw(ir: IR, stages: Sequence[StageView]) -> Drawing:
    """Boxes and curves, with the colours of where the stages stand."""
    views = {stage.id: stage for stage in stages}
    edges = [(needed, stage.id) for stage in ir.stages for needed in stage.entry.waits_for]
    layout = lay_out([stage.id for stage in ir.stages], edges)
    return Drawing(
        boxes=tuple(_box(views[box.name], box.x, box.y) for box in layout.boxes),
        edges=tuple(EdgeView(curve.path, _tone(views[curve.source], views[curve.target])) for curve in layout.curves),
        width=layout.width,
        height=layout.height,
        wide=layout.columns > 3,
    )


def _box(stage: StageView, x: float, y: float) -> BoxView:
    label = stage.name if len(stage.name) <= _LONGEST else f"{stage.name[: _LONGEST - 1]}…"
    return BoxView(stage, x, y, label, f"{stage.id}: {stage.word}. {stage.why}")


def _tone(source: StageView, target: StageView) -> Tone:
    if source.exit.tone == "good" and target.entry.tone == "good":
        return "good"
    return "bad" if "bad" in {source.exit.tone, target.entry.tone} else "quiet"
