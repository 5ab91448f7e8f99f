"""Where the mistakes of one file are gathered: a bounded number of them."""

from msgspec import Struct, field

from charter.dsl.codes import error
from charter.dsl.diagnostics import Diagnostic

MOST = 200


class Findings(Struct):
    """The mistakes found so far; beyond `MOST` they are dropped, and the last one says so."""

    items: list[Diagnostic] = field(default_factory=list)
    full: bool = False

    def add(self, finding: Diagnostic) -> None:
        """Adds one, if there is room."""
        if self.full:
            return
        self.items.append(finding)
        if len(self.items) >= MOST:
            self.full = True
            detail = f"After {MOST} mistakes the rest of the file is not looked at. Mend these first."
            self.items.append(error("CH0040", finding.span, detail))
