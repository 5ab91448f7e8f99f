"""Did you mean: the known word that is closest to an unknown one."""

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

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
    # A swap of two letters scores low in short words, hence the lower cutoff and the check of letters.
    for candidate in get_close_matches(lowered, candidates, n=3, cutoff=0.6):
        same_letters = sorted(candidate) == sorted(lowered)
        if same_letters or SequenceMatcher(None, lowered, candidate).ratio() >= 0.7:
            return candidate
    return None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence with the suggestion, led by a blank; empty if there is none."""
    found = closest(word, known)
    return f" Did you mean `{found}`?" if found else ""
