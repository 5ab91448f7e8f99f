"""Where rows come from: whether two references to rows may mean some of the same ones.

Rows are followed through splits, through derived datasets (`from`) and through files that two datasets read.
Only two different parts of one split surely share no row; what cannot be known counts as shared.
"""

from msgspec import Struct, field

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.data import Rows, rows_of

_Key = tuple[str, str | None]


class Lineage(Struct):
    """Answers for one charter; remembers what it has found out."""

    charter: model.Charter
    _known: dict[tuple[_Key, _Key], str] = field(default_factory=dict)
    _sources: dict[str, frozenset[str]] = field(default_factory=dict)

    def common(self, left: Rows, right: Rows) -> str:
        """What both come from, in words; empty when they surely share no row."""
        key = ((left.dataset.name, left.part), (right.dataset.name, right.part))
        if key not in self._known:
            self._known[key] = ""  # a dataset that derives from itself is another pass's finding
            self._known[key] = self._common(left, right)
        return self._known[key]

    def _common(self, left: Rows, right: Rows) -> str:
        one, other = left.dataset, right.dataset
        if one.name == other.name:
            apart = None not in (left.part, right.part) and left.part != right.part
            return "" if apart else f"the dataset `{one.name}`"
        if self.charter.data_file(one) and self.charter.data_file(one) == self.charter.data_file(other):
            paths = list(dict.fromkeys((model.data_path(one), model.data_path(other))))
            return f"the file `{paths[0]}`" + (f", which `{paths[1]}` is too" if paths[1:] else "")
        if _outside(one) and _outside(one) == _outside(other):
            return _outside(one)
        # Going back from the later of the two keeps what is known about the parts of the earlier.
        if one.name in self.ancestors(other):
            return self._any(left, self._origins(other))
        if other.name in self.ancestors(one) or self._origins(one):
            return self._any(right, self._origins(one))
        return self._any(left, self._origins(other))

    def _any(self, fixed: Rows, others: list[Rows]) -> str:
        return next((found for rows in others if (found := self.common(fixed, rows))), "")

    def _origins(self, dataset: model.Dataset) -> list[Rows]:
        references = dataset.source.origins if dataset.source else ()
        found = (rows_of(self.charter, reference) for reference in references)
        return [rows for rows in found if rows is not None]

    def ancestors(self, dataset: model.Dataset) -> frozenset[str]:
        """Names of all datasets that this one is made of."""
        if dataset.name not in self._sources:
            seen: set[str] = set()
            stack = [dataset]
            while stack:
                for rows in self._origins(stack.pop()):
                    if rows.dataset.name not in seen:
                        seen.add(rows.dataset.name)
                        stack.append(rows.dataset)
            self._sources[dataset.name] = frozenset(seen)
        return self._sources[dataset.name]


def _outside(dataset: model.Dataset) -> str:
    """What its rows are read from, in words; empty where that is other datasets or code."""
    source = dataset.source
    if dataset.of is not None:
        return f"what `{dataset.of.text}` has served"
    if source is not None and source.format == "sql":
        return f"the database `{read.word(source.clause, 'secret')}`"  # which rows, only its query knows
    return ""
