"""The built-in of every stage that cannot be run yet: it does nothing, and says which clauses it could not keep."""

from typing import NoReturn

from charter.runtime.stages.api import StageContext, StageRefused


def refuse(context: StageContext) -> NoReturn:
    """Refuse, whatever the spec asks for.

    Raises:
        StageRefused: always.
    """
    reasons = context.spec.get("not_run") or ["what this version cannot do"]
    raise StageRefused(
        "not run yet",
        f"`{context.name}` asks for {' and '.join(map(str, reasons))}. The charter is proved and compiled, and this "
        "version cannot run it; nothing was done, and no gate behind it opens.",
    )
