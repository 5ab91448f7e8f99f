"""What each model is made of, and what it carries of that: the facts of `input.models`.

Class and licence travel as the passes say (`confidentiality`, `licences`). What nobody can know here, such as what a
checkpoint from elsewhere has learnt from, is said to be unknown.
"""

from collections.abc import Mapping

from msgspec import Struct, field

from charter.compiler import clauses as read
from charter.compiler import ir, model
from charter.compiler.confidentiality import LEVELS, Class, classify
from charter.compiler.data import rows_of
from charter.compiler.licences import Use, commercial_use, worst
from charter.compiler.lineage import Lineage
from charter.compiler.specs import read_trainer
from charter.dsl import ast


def lower_provenance(charter: model.Charter) -> dict[str, ir.Provenance]:
    """The provenance of every model, by name."""
    if not charter.models:
        return {}
    classes, lineage, licences = classify(charter), Lineage(charter), _Licences(charter)
    return {
        name: _provenance(declared, charter, classes, lineage, licences)
        for name, declared in sorted(charter.models.items())
    }


def _provenance(
    declared: model.Model,
    charter: model.Charter,
    classes: Mapping[str, Class],
    lineage: Lineage,
    said: "_Licences",
) -> ir.Provenance:
    learnt = _learnt_from(declared, charter, lineage)
    carried = [classes[name] for name in learnt if name in classes]
    elsewhere = declared.checkpoint is not None or declared.hosted is not None
    licences = dict.fromkeys(licence for name in learnt for licence in said.of(charter.datasets[name]))
    uses: list[Use] = ["unknown" if licence is None else commercial_use(licence) for licence in licences]
    hosted = declared.hosted
    level = max((item.level for item in carried), default=0)
    declared_all = bool(carried) and all(item.known for item in carried)
    return ir.Provenance(
        task=declared.task,
        trainer=None if hosted is not None else read_trainer(declared) or None,
        fine_tuned_from=declared.checkpoint.value if declared.checkpoint else None,
        hosted_at=hosted.address.value if hosted is not None and hosted.address else None,
        trained_on=_rows(declared.train_on, charter),
        validated_on=_rows(declared.validate_on, charter),
        aligned_with=_rows(declared.aligned_with, charter),
        learnt_from=learnt,
        # `public` is the least that anything can be: unless all declare it, nobody has said so.
        class_=LEVELS[level] if level or declared_all else None,
        class_known=declared_all and not elsewhere,
        licenses=tuple(sorted({licence for licence in licences if licence is not None})),
        commercial_use=worst([*uses, "unknown"] if elsewhere or not uses else uses),
    )


def _learnt_from(declared: model.Model, charter: model.Charter, lineage: Lineage) -> tuple[str, ...]:
    """Names of the datasets that it learns from in any way, and of all that these are made of."""
    found: set[str] = set()
    for reference, _ in declared.rows():
        rows = rows_of(charter, reference)
        if rows is not None:
            found |= {rows.dataset.name} | lineage.ancestors(rows.dataset)
    return tuple(sorted(found))


class _Licences(Struct):
    """What is said of the licence of each dataset; remembered by file, which many datasets may read."""

    charter: model.Charter
    _by_file: dict[str, tuple[str | None, ...]] = field(default_factory=dict)

    def of(self, dataset: model.Dataset) -> tuple[str | None, ...]:
        """What one dataset says of a file holds for all that read it; None if none of them says anything."""
        file = self.charter.data_file(dataset)
        if not file:
            return self._said(dataset)
        if file not in self._by_file:
            self._by_file[file] = self._said(dataset)
        return self._by_file[file]

    def _said(self, dataset: model.Dataset) -> tuple[str | None, ...]:
        said = [read.text(same.clause("license"), "value") for same in self.charter.of_same_file(dataset)]
        return tuple(dict.fromkeys(licence.value for licence in said if licence is not None)) or (None,)


def _rows(reference: ast.Name | None, charter: model.Charter) -> ir.Rows | None:
    rows = rows_of(charter, reference)
    return None if rows is None else ir.Rows(dataset=rows.dataset.name, part=rows.part)
