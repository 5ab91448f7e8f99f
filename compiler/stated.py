"""The standards of a charter: from its typed model, or from its IR, and where each was written."""

from collections.abc import Iterator, Mapping

from charter.compiler import ir, model
from charter.compiler.codec import BadIR
from charter.compiler.normal import normal_body
from charter.compiler.standards import Standard, Stated, standards
from charter.dsl.source import Span


def of_charter(charter: model.Charter, digests: Mapping[str, str]) -> tuple[Standard, ...]:
    """The standards of a charter; `digests` are those of the files that its controls name, by path."""
    declared = (Stated(item.kind, item.name, normal_body(item, charter)) for item in charter.all())
    return standards(declared, digests)


def of_ir(compiled: ir.IR) -> tuple[Standard, ...]:
    """The standards of a compiled charter.

    Raises:
        BadIR: a declaration in it is not what a charter could have said.
    """
    declared = (Stated(item.kind, item.name, item.body) for item in compiled.declarations.values())
    try:
        return standards(declared, compiled.pins)
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as problem:
        # The types of an IR are checked down to the bodies of declarations, which may hold anything.
        raise BadIR(
            "not the declarations of a charter",
            f"a declaration in it says what no charter could ({problem}). Compile the charter again.",
        ) from None


def control_files(charter: model.Charter) -> Iterator[str]:
    """Paths, as written, of the files that controls name: what stands in them is part of what is demanded."""
    yield from (policy.rego.value for policy in charter.policies.values() if policy.rego is not None)
    yield from (dataset.schema.value for dataset in charter.datasets.values() if dataset.schema is not None)


_CLAUSE_OF = {"quorum": "by", "role": "by", "enforcement": "enforce"}
"""The clause that a side stands in, where it is not called so."""


def span_of(standard: Standard, charter: model.Charter, side: str = "") -> Span:
    """Where a standard is written; the head of its declaration, or of the charter, if no clause says it.

    Args:
        side: the name of the side that is meant, of a declaration as a whole.
    """
    kind, _, name = standard.subject.partition("/")
    declared = charter.lifecycle if kind == "lifecycle" else charter.by_kind.get(kind, {}).get(name)
    if declared is None:
        return charter.head
    if standard.clause is not None:
        keyword, number = standard.clause
        clauses = tuple(declared.clauses(keyword))
        if number < len(clauses):
            return clauses[number].span
    for keyword in (side, _CLAUSE_OF.get(side, ""), side.partition(" ")[0]):
        found = declared.clause(keyword)
        if found is not None:
            return found.span
        header = declared.node.header.get(keyword)
        if header is not None:
            return header.span
    return declared.node.header_span
