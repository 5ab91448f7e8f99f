"""Which imports a warm worker does ahead of its forks, by kind of stage.

A fork shares what its parent imported, so the second stage that needs torch starts in milliseconds.
"""

PRELOADS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "data": ("pandas", "pyarrow.parquet"),
    "torch": ("pandas", "pyarrow.parquet", "torch", "sklearn.metrics"),
}
"""Modules by flavour. None of them may start threads on import: a fork would lose them."""

_TORCH_KINDS = frozenset({"train", "evaluate", "deploy", "monitor"})
_DATA_KINDS = frozenset({"acquire", "prepare", "validate", "split"})


def flavour_of(kind: str, *, project_code: bool) -> str:
    """The flavour for a stage kind; a team's own code gets only what its kind is certain to need."""
    if kind in _TORCH_KINDS:
        return "torch"
    if kind in _DATA_KINDS and not project_code:
        return "data"
    return "plain"
