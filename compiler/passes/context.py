"""What a pass may look at, and the signature of every pass."""

from collections.abc import Callable, Container, Iterable
from datetime import date
from functools import cached_property

from msgspec import Struct, field

from charter.compiler import model
from charter.compiler.files import ProjectFiles, Refusal
from charter.compiler.gather import Gathered
from charter.compiler.graph import Ancestry, LifecycleGraph
from charter.compiler.named import NamedFiles
from charter.dsl.diagnostics import Diagnostic


class Context(Struct, frozen=True, dict=True):
    """One charter under examination.

    Attributes:
        graph: built from the references that resolve; the others have no edge.
        complete: whether every declaration that was written could be read. Clauses may be missing all the same:
            which findings that leaves in doubt is decided in `doubt.py`, of the findings of all passes.
        named: the schemas and Rego files that could be read.
        overrides: what was given on the command line, by parameter.
        gathered: the files that the charter is made of, and what it inherits.
        will_run: whether data files must be there (`compile`), or may come later (`check`).
        as_of: the day for which dates are judged, and whose law counts; the compiler reads no clock, so by itself it
            judges none, and counts all law, what binds later included.
    """

    charter: model.Charter
    graph: LifecycleGraph
    files: ProjectFiles
    named: NamedFiles
    overrides: dict[str, str]
    will_run: bool
    complete: bool
    gathered: Gathered
    callables: dict[str, Refusal] = field(default_factory=dict)
    """What was found out about each callable, which many declarations may name."""
    as_of: date | None = None

    @cached_property
    def ancestry(self) -> Ancestry | None:
        """Which stages come before which; None when some wait for each other."""
        order = self.graph.order()
        return None if order is None else Ancestry(self.graph, order)

    @cached_property
    def deployed_after(self) -> Container[str]:
        """Ids of the stages that some deployment waits for."""
        return self.ancestry.precedes_some("deploy") if self.ancestry else ()


Pass = Callable[[Context], Iterable[Diagnostic]]
