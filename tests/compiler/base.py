"""The rest of the charter around an example of a page: what the example does not declare itself."""

import re
from pathlib import Path

BASE = {
    ("lifecycle", "credit-risk"): """lifecycle credit-risk {
  version "1"
  owner   "credit-models@bank.example"
  purpose "Estimate the probability of default."
  risk    limited
}""",
    ("role", "risk-officer"): """role risk-officer {
  members at least 3
}""",
    ("dataset", "applications"): """dataset applications {
  source    csv "data/applications.csv"
  protected sex
  target    default
  split     train 70%, test 30% seed 7
}""",
    ("model", "scorecard"): """model scorecard {
  task     binary-classification
  train on applications.train
  trainer  builtin tabular-mlp
}""",
    ("evaluation", "holdout"): """evaluation holdout of scorecard on applications.test {
  require roc_auc >= 0.75
}""",
    ("approval", "release"): """approval release of scorecard {
  by        risk-officer quorum 2
  excluding owner, trainer
  after     holdout
}""",
    ("deployment", "production"): """deployment production of scorecard {
  after release
}""",
}

CASES = Path(__file__).parent.parent / "cases" / "errors"
"""A project directory with the files that examples name."""

_DECLARED = re.compile(r"^([a-z]+)\s+([\w-]+)", re.M)


def whole(example: str, *, without: tuple[str, ...] = ()) -> str:
    """The example with the declarations around it, so that it can be compiled.

    `without` names declarations (`"approval release"`) to leave out.
    """
    declared = set(_DECLARED.findall(example)) | {tuple(item.split()) for item in without}
    around = [text for key, text in BASE.items() if key not in declared]
    if any(kind == "lifecycle" for kind, _ in declared):
        around = [text for text in around if not text.startswith("lifecycle")]
    return "\n\n".join(["charter 1", *around, example.strip()]) + "\n"
