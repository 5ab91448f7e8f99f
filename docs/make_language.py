"""Writes docs/language.md from the vocabulary: `python docs/make_language.py`. A test keeps them equal."""

from collections.abc import Iterator
from pathlib import Path

from charter.compiler.intervals import INFINITY, Interval
from charter.compiler.metrics import GENERATION, METRICS, Metric
from charter.dsl.patterns import clause_syntax, header_syntax
from charter.dsl.vocabulary import BLOCKS, COMPARISONS, CONTROL_PARTS, Argument, BlockForm, ClauseForm, ControlPart

PAGE = Path(__file__).with_name("language.md")

_HEAD = """# The language

Generated from the compiler's own tables by `docs/make_language.py`; edit those instead.

A charter is a text file whose name ends in `.charter`. It opens with the edition, `charter 1`, and goes on with
declarations. `charter check` reports all mistakes of a file in one run, and `charter explain CODE` explains each.

- One statement a line; `{` stands on its header's line. A line goes on after a comma, `:`, `=`, `(`, `[`, `->`, `..` or
  a comparison, and when the next one begins with `->`, `with`, `over`, `under`, `for`, `graded`, `otherwise`,
  `stratified` or `seed`.
- `#` starts a comment. Texts stand in `"…"`, or over several lines in `\"""…\"""`.
- Names may contain `-`. No word is reserved: its place decides what it means.
- `95%` and `0.95` are the same number; `%` touches its number. Durations and sizes have units: `10 minutes`, `4 GB`.
- Every declaration becomes one or more stages, every transition between stages has a gate. See [running](running.md).

- A charter may be made of several files: `import`, and `extends` for a baseline, in which `any model`, `any deployment`
  and `any dataset` stand for what a charter names. See [baselines](baselines.md).

In the tables `<name>` stands for an argument and `[…]` for what may be left out. What is marked **not run yet** is
proved and compiled like the rest, and `charter run` stops at its stage (for rules `from` a directory, at the first): no
gate behind it opens. `charter check` and `charter plan` name those stages and clauses.

## Controls

Every `require`, `when` and `kpi` has the same shape:

```
{control}
```

- COMPARISON is one of {comparisons}. BOUND is a number with its unit, or the name of a `parameter`.
{parts}
- A `kpi` is written down and shown, and no gate asks for it: nothing measures it.
"""


def page() -> str:
    """The whole page."""
    head = (
        _HEAD.replace("{control}", _control_shape())
        .replace("{comparisons}", _choices(COMPARISONS))
        .replace("{parts}", "\n".join(_control_part(part) for part in CONTROL_PARTS))
    )
    return "\n".join([head, *(_block(block) for block in BLOCKS), _metrics()])


def _control_shape() -> str:
    def of(place: str, between: str) -> str:
        return between.join(part.syntax for part in CONTROL_PARTS if part.place == place)

    tail = " ".join(f"[{part.syntax}]" for part in CONTROL_PARTS if part.place == "tail")
    return f"METRIC [{of('scope', ' | ')}] COMPARISON BOUND {tail}"


def _control_part(part: ControlPart) -> str:
    not_yet = "" if part.runs else "**Not run yet.** "
    following = f" It is {_choices(part.choices)}." if len(part.choices) > 1 else ""
    return f"- `{part.syntax}`: {not_yet}{part.doc}{following}"


def _block(block: BlockForm) -> str:
    title = " ".join(filter(None, (block.keyword, "<name>" if block.named else "", _shown(header_syntax(block)))))
    doc = _marked(block.doc, runs=block.runs)
    lines = [f"## {block.keyword}", "", doc, "", "```", title + (" { … }" if block.clauses else ""), "```", ""]
    if block.clauses:
        lines += ["| clause | what it says | example |", "|---|---|---|"]
        lines += [row for clause in block.clauses for row in _rows(clause)]
        lines.append("")
    return "\n".join(lines)


def _rows(clause: ClauseForm, inside: str = "") -> Iterator[str]:
    written = " ".join(filter(None, (clause.keyword, _shown(clause_syntax(clause)))))
    said = [_marked(clause.doc, runs=clause.runs)]
    if clause.required:
        said.append("Required.")
    if clause.repeatable:
        said.append("May be repeated.")
    for argument in clause.arguments:
        said += _about(argument)
    place = f"{inside}, " if inside else ""
    yield f"| {place}`{_cell(written)}` | {_cell(' '.join(said))} | `{_cell(clause.example)}` |"
    for child in clause.children:
        yield from _rows(child, f"{place}`{clause.keyword}`")


def _marked(doc: str, *, runs: bool) -> str:
    return doc if runs else f"**Not run yet.** {doc}"


def _about(argument: Argument) -> Iterator[str]:
    if argument.choices:
        yield f"`<{argument.name}>` is {_choices(argument.choices)}."
    if argument.idle:
        yield f"**Not run yet:** {_choices(argument.idle)}."


def _metrics() -> str:
    compared = [metric.name for metric in METRICS.values() if metric.reference and metric.task == GENERATION]
    lines = [
        "## Metrics",
        "",
        "What the built-in stages measure. A bound on anything else is refused (`CH0109`).",
        "",
        *_table([metric for metric in METRICS.values() if metric.task != GENERATION]),
        "",
        f"Of models for `{GENERATION}`, **not run yet** ({_choices(compared)} need a `target`):",
        "",
        *_table([metric for metric in METRICS.values() if metric.task == GENERATION]),
    ]
    return "\n".join([*lines, ""])


def _table(metrics: list[Metric]) -> Iterator[str]:
    yield from ("| metric | unit | range | measured by | asked for | interval |", "|---|---|---|---|---|---|")
    for metric in metrics:
        later = "" if metric.runs or metric.task == GENERATION else " (**not run yet**)"
        yield (
            f"| `{metric.name}`{later} | {metric.unit} | {_range(metric.range)} | {', '.join(sorted(metric.stages))} "
            f"| {_cell(_asked(metric))} | {'yes' if metric.interval else 'no'} |"
        )


def _range(values: Interval) -> str:
    return f"{values.low} and more" if values.high == INFINITY else f"{values.low} to {values.high}"


def _asked(metric: Metric) -> str:
    if metric.each == "feature":
        return f"`{metric.name} of each feature`"
    if metric.each is not None:
        return f"`{metric.name} of each COLUMN`"
    return f"`{metric.name} over COLUMN`" if metric.over else f"`{metric.name}`"


def _shown(syntax: str) -> str:
    return syntax.replace("{", "<").replace("}", ">")


def _choices(words: tuple[str, ...] | list[str]) -> str:
    quoted = [f"`{word}`" for word in words]
    return " or ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


def _cell(text: str) -> str:
    """Table cells may not hold a bare bar, not even in code."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
