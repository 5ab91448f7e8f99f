"""What a pass may look at, and the signature of every pass."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from charter.compiler import model
from charter.compiler.files import ProjectFiles, Refusal
from charter.compiler.graph import LifecycleGraph
from charter.compiler.named import NamedFiles
from charter.dsl.diagnostics import Diagnostic


@dataclass(frozen=True)
class Context:
    """One charter under examination.

    Attributes:
        graph: built from the references that resolve; the others have no edge.
        complete: whether the text had no mistakes of syntax. Where it had, a clause may be missing that was
            written, so nothing is concluded from what is absent.
        named: the schemas and Rego files that could be read.
        overrides: what was given on the command line, by parameter.
        will_run: whether data files must be there (`compile`), or may come later (`check`).
    """

    charter: model.Charter
    graph: LifecycleGraph
    files: ProjectFiles
    named: NamedFiles
    overrides: dict[str, str]
    will_run: bool
    complete: bool
    callables: dict[str, Refusal] = field(default_factory=dict)
    """What was found out about each callable, which many declarations may name."""

    @cached_property
    def is_acyclic(self) -> bool:
        """Whether the stages can be put in an order at all."""
        return self.graph.order() is not None


Pass = Callable[[Context], Iterable[Diagnostic]]
