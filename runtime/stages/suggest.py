"""Did-you-mean for the names that people type: columns, parameters, metrics."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(given: str, known: Iterable[str]) -> str:
    """` Did you mean `x`?`, or the known names when none is close; starts with a space."""
    names = list(known)
    close = get_close_matches(given, names, n=1, cutoff=0.6)
    if close:
        return f" Did you mean `{close[0]}`?"
    shown = ", ".join(f"`{name}`" for name in names[:20])
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return f" Known: {shown}{more}." if names else ""
