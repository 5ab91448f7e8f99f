"""Whether an IR from a file is what a charter compiles to: its digests are no signatures, but they must agree."""

from collections.abc import Iterator

from charter.compiler.confidentiality import LEVELS
from charter.compiler.ir import IR, Provenance
from charter.compiler.licences import commercial_use, worst
from charter.compiler.meaning import meaning_digest
from charter.compiler.normal import body_digest


def changed_by_hand(ir: IR) -> Iterator[str]:
    """What an IR says that no compiled one does, a few words each; nothing of one that was left as it is."""
    for subject, declared in ir.declarations.items():
        if body_digest(declared.kind, declared.name, dict(declared.body)) != declared.digest:
            yield f"the declaration `{subject}`"
    if meaning_digest(ir) != ir.meaning:
        yield "what the charter means"
    trained = {stage.name for stage in ir.stages if stage.kind == "train"}
    if ir.models.keys() != trained:
        yield "which models there are"
    for name, provenance in ir.models.items():
        if not _plausible(provenance, ir):
            yield f"what the model `{name}` has learnt from"


def _plausible(of: Provenance, ir: IR) -> bool:
    """Whether what a model carries is no less than what the datasets declare that it names."""
    rows = (of.trained_on, of.validated_on, of.aligned_with)
    known = [ir.declarations.get(f"dataset/{name}") for name in of.learnt_from]
    bodies = [dataset.body for dataset in known if dataset is not None]
    licences = {body["license"] for body in bodies if isinstance(body.get("license"), str)}
    classes = [LEVELS.index(body["class"]) for body in bodies if body.get("class") in LEVELS]
    least = max((level for level in classes if level), default=None)
    uses = [commercial_use(licence) for licence in of.licenses] or ["unknown"]
    return (
        len(bodies) == len(of.learnt_from)
        and all(part is None or part.dataset in of.learnt_from for part in rows)
        and licences <= set(of.licenses)
        and (least is None or (of.class_ in LEVELS and LEVELS.index(of.class_) >= least))
        and worst([of.commercial_use, *uses]) == of.commercial_use
    )
