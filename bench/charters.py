"""Charters of any length that compile, and the same said in HCL, line by line."""

from pathlib import Path

_HEAD = """charter 1

lifecycle bench {
  version      "1"
  owner        "owner@example.org"
  purpose      "Measure how long it takes to read this."
  risk         minimal
  use policies core
}

"""
_SYSTEM = """dataset data-{n} {{
  source    csv "data.csv"
  license   "CC-BY-4.0"
  origin    "Made up, like all of this"
  class     internal
  protected sex, age_group
  target    outcome
  split     train 70%, validation 15%, test 15% stratified by outcome seed 7
  require   rows >= 5_000
  require   share of each sex >= 30%
}}

# The lower end of the interval must clear the bound.
model model-{n} {{
  task        binary-classification
  train on    data-{n}.train
  validate on data-{n}.validation
  trainer     builtin tabular-mlp
  parameters  {{ hidden: [64, 32], epochs: 20, learning-rate: 1e-3, seed: 7 }}
  limits      {{ time: 10 minutes, memory: 4 GB }}
}}

evaluation holdout-{n} of model-{n} on data-{n}.test {{
  require roc_auc >= 0.75 with confidence 95%
  report  accuracy
}}

deployment production-{n} of model-{n} {{
  after holdout-{n}
  serve directory
}}

"""
_SYSTEM_DECLARATIONS = _SYSTEM.count("\n}}\n")

_HCL_HEAD = """charter = 1

lifecycle "bench" {
  version      = "1"
  owner        = "owner@example.org"
  purpose      = "Measure how long it takes to read this."
  risk         = "minimal"
  use_policies = ["core"]
}

"""
_HCL_SYSTEM = """dataset "data-{n}" {{
  source    = {{ csv = "data.csv" }}
  license   = "CC-BY-4.0"
  origin    = "Made up, like all of this"
  class     = "internal"
  protected = ["sex", "age_group"]
  target    = "outcome"
  split     = {{ train = 0.70, validation = 0.15, test = 0.15, stratified_by = "outcome", seed = 7 }}
  require_0 = {{ metric = "rows", at_least = 5000 }}
  require_1 = {{ metric = "share", each = "sex", at_least = 0.30 }}
}}

# The lower end of the interval must clear the bound.
model "model-{n}" {{
  task        = "binary-classification"
  train_on    = "data-{n}.train"
  validate_on = "data-{n}.validation"
  trainer     = {{ builtin = "tabular-mlp" }}
  parameters  = {{ hidden = [64, 32], epochs = 20, learning_rate = 1e-3, seed = 7 }}
  limits      = {{ time = "10 minutes", memory = "4 GB" }}
}}

evaluation "holdout-{n}" "model-{n}" "data-{n}.test" {{
  require = {{ metric = "roc_auc", at_least = 0.75, confidence = 0.95 }}
  report  = "accuracy"
}}

deployment "production-{n}" "model-{n}" {{
  after = ["holdout-{n}"]
  serve = "directory"
}}

"""


def charter(lines: int) -> str:
    """A charter of about this many lines."""
    return _HEAD + "".join(_SYSTEM.format(n=n) for n in range(_systems(lines)))


def hcl(lines: int) -> str:
    """The same in HCL."""
    return _HCL_HEAD + "".join(_HCL_SYSTEM.format(n=n) for n in range(_systems(lines)))


def project(directory: Path, lines: int) -> Path:
    """A directory with such a charter and the file that it names; the charter."""
    directory.mkdir(parents=True)
    (directory / "data.csv").write_text("sex,age_group,outcome\n")
    path = directory / "bench.charter"
    path.write_text(charter(lines), "utf-8")
    return path


def lines_for(declarations: int) -> int:
    """How many lines a charter of about this many declarations has."""
    return _HEAD.count("\n") + round(declarations / _SYSTEM_DECLARATIONS) * _SYSTEM.count("\n")


def count_declarations(text: str) -> int:
    """How many declarations a charter has: each ends in a brace in column one."""
    return text.count("\n}\n")


def _systems(lines: int) -> int:
    return max(1, round((lines - _HEAD.count("\n")) / _SYSTEM.count("\n")))
