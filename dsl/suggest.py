"""Did you mean: the known word that is closest to an unknown one."""

from collections.abc import Iterable

_LONGEST = 60  # a longer word is no spelling mistake, and comparing is quadratic


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word closest to `word`, None if none is close."""
    if len(word) > _LONGEST:
        return None
    candidates = sorted(set(known))
    lowered = word.lower().replace("_", "-")
    for candidate in candidates:
        if candidate.lower().replace("_", "-") == lowered:
            return candidate
    # Two letters that changed places score low in short words.
    letters = sorted(lowered)
    for candidate in candidates:
        if len(candidate) == len(lowered) and sorted(candidate) == letters:
            return candidate
    from difflib import get_close_matches  # most charters have no spelling mistake

    return next(iter(get_close_matches(lowered, candidates, n=1, cutoff=0.7)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence with the suggestion, led by a blank; empty if there is none."""
    found = closest(word, known)
    return f" Did you mean `{found}`?" if found and found != word else ""
