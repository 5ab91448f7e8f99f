"""Datasets become `acquire`, and `prepare`, `validate` and `split` where the charter asks for them."""

from charter.compiler import model
from charter.compiler.data import final_rows, rows_of, validated
from charter.compiler.graph import Flow, LifecycleGraph, Node


def add_datasets(charter: model.Charter, graph: LifecycleGraph) -> None:
    """The stages that make a dataset's rows, in the order they happen."""
    for dataset in charter.datasets.values():
        name = dataset.name
        acquire = graph.add(Node("acquire", name, dataset, outputs=("data",)))
        acquire.inputs += _origins(charter, dataset)
        final = final_rows(dataset)
        prepare = dataset.clause("prepare")
        if prepare is not None:
            flow = Flow("data", acquire.id, "data", prepare.keyword_span)
            graph.add(Node("prepare", name, dataset, [flow], outputs=("data",)))
        if validated(dataset):
            flow = Flow("data", final.stage, final.artifact, dataset.node.header_span)
            graph.add(Node("validate", name, dataset, [flow]))
        if dataset.split is not None:
            flow = Flow("data", final.stage, final.artifact, dataset.split.clause.keyword_span)
            graph.add(Node("split", name, dataset, [flow], outputs=dataset.part_names))


def _origins(charter: model.Charter, dataset: model.Dataset) -> list[Flow]:
    origins = dataset.source.origins if dataset.source else ()
    found = ((reference, rows_of(charter, reference)) for reference in origins)
    return [Flow(ref.text, rows.stage, rows.artifact, ref.span) for ref, rows in found if rows is not None]
