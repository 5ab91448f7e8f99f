"""What the compiler proves before anything runs: small passes, one file each, run in this order."""

from charter.compiler.passes.acceptance import check_acceptance
from charter.compiler.passes.baseline import check_baseline
from charter.compiler.passes.bounds import check_bounds
from charter.compiler.passes.bypass import check_bypass
from charter.compiler.passes.columns import check_columns
from charter.compiler.passes.context import Context, Pass
from charter.compiler.passes.cycles import check_cycles
from charter.compiler.passes.duplicates import check_duplicates
from charter.compiler.passes.duties import check_duties
from charter.compiler.passes.feedback import check_feedback
from charter.compiler.passes.flow import check_flow
from charter.compiler.passes.gating import check_gating
from charter.compiler.passes.generative import check_generative
from charter.compiler.passes.hazards import check_hazards
from charter.compiler.passes.leakage import check_leakage
from charter.compiler.passes.licence import check_licences
from charter.compiler.passes.lifecycle import check_lifecycle
from charter.compiler.passes.literals import check_literals
from charter.compiler.passes.metrics import check_metrics
from charter.compiler.passes.names import check_names
from charter.compiler.passes.numbers import check_numbers
from charter.compiler.passes.one_file import check_one_file
from charter.compiler.passes.operation import check_operation
from charter.compiler.passes.overrides import check_overrides
from charter.compiler.passes.paths import check_paths
from charter.compiler.passes.regulation import check_regulation
from charter.compiler.passes.retention import check_retention
from charter.compiler.passes.scopes import check_scopes
from charter.compiler.passes.statistics import check_statistics
from charter.compiler.passes.thresholds import check_thresholds
from charter.compiler.passes.tuning import check_tuning
from charter.compiler.passes.unused import check_unused
from charter.compiler.passes.waivers import check_waivers

PASSES: tuple[Pass, ...] = (
    check_lifecycle,
    check_duplicates,
    check_names,
    check_overrides,
    check_baseline,
    check_literals,
    check_metrics,
    check_bounds,
    check_numbers,
    check_columns,
    check_scopes,
    check_tuning,
    check_operation,
    check_feedback,
    check_generative,
    check_paths,
    check_cycles,
    check_gating,
    check_bypass,
    check_unused,
    check_leakage,
    check_flow,
    check_one_file,
    check_licences,
    check_thresholds,
    check_acceptance,
    check_statistics,
    check_duties,
    check_waivers,
    check_hazards,
    check_regulation,
    check_retention,
)
"""Every pass; each looks at the whole charter and returns all of its findings."""

BASELINE_PASSES: tuple[Pass, ...] = (
    check_duplicates,
    check_baseline,
    check_literals,
    check_bounds,
    check_numbers,
    check_thresholds,
)
"""What can be said of a baseline by itself, whatever the charters that extend it declare."""

__all__ = ["BASELINE_PASSES", "PASSES", "Context", "Pass"]
