"""The train stage: the built-in `tabular-mlp`, a small neural network over tabular rows."""

import json
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import Evidence, StageContext, StageRefused, StageResult
from charter.runtime.stages.fairness import read_groups
from charter.runtime.stages.features import columns_of, encode, feature_names, learn_preprocessing
from charter.runtime.stages.model_file import save_model
from charter.runtime.stages.parameters import Parameters, read_parameters
from charter.runtime.stages.tables import read_frame, read_target, require_columns

if TYPE_CHECKING:
    import pandas as pd

    from charter.runtime.stages.mlp import Rows

_TRAINING, _VALIDATION = "the training data", "the validation data"


def tabular_mlp(context: StageContext) -> StageResult:
    """Train on `inputs["train"]`; with `inputs["validation"]`, keep the epoch that did best there.

    The same rows, parameters and seed give the same model file on the same kind of machine.
    """
    import torch

    from charter.runtime.stages.mlp import fit

    spec = context.spec
    if spec.get("task") != "binary-classification":
        raise StageRefused("unknown task", f"`tabular-mlp` does binary-classification, not `{spec.get('task')}`.")
    parameters = read_parameters(spec.get("parameters", {}), spec.get("protected", ()))
    # One thread: sums come out the same however many cores a machine has, and small batches gain nothing from more.
    torch.set_num_threads(1)
    frame = read_frame(context.inputs["train"], what=_TRAINING)
    outcome = read_target(frame, str(spec["target"]), what=_TRAINING, both_classes=True)
    preprocessing = learn_preprocessing(frame, spec)
    matrix = encode(preprocessing, columns_of(frame, feature_names(preprocessing), what=_TRAINING))
    training: Rows = (matrix, outcome, _groups(frame, parameters, _TRAINING))
    validation: Rows | None = None
    if "validation" in context.inputs:
        held = read_frame(context.inputs["validation"], what=_VALIDATION)
        outcome = read_target(held, str(spec["target"]), what=_VALIDATION)
        matrix = encode(preprocessing, columns_of(held, feature_names(preprocessing), what=_VALIDATION))
        validation = (matrix, outcome, _groups(held, parameters, _VALIDATION))
    fitted = fit(training, validation, parameters, seed=context.seed)
    path = save_model(
        context.out / "model.zip",
        fitted.module,
        preprocessing,
        trainer="builtin tabular-mlp",
        parameters={**json.loads(json.dumps(spec.get("parameters", {}))), "seed": context.seed},
    )
    weights = sum(tensor.numel() for tensor in fitted.module.parameters())
    evidence = [
        Evidence("rows", len(frame), "count", n=len(frame)),
        Evidence("features", len(preprocessing["features"]), "count"),
        Evidence("weights", weights, "count"),
        Evidence("epochs", parameters.epochs, "count"),
        Evidence("kept_epoch", fitted.epoch, "count"),
        Evidence("training_loss", fitted.training_loss, "number", n=len(frame)),
        Evidence("device", fitted.device),
    ]
    if validation is not None and fitted.validation_loss is not None:
        evidence.append(Evidence("validation_loss", fitted.validation_loss, "number", n=len(validation[1])))
    return StageResult(artifacts={"model": path}, evidence=evidence)


def _groups(frame: "pd.DataFrame", parameters: Parameters, what: str) -> Any:
    """The number of every row's group for the penalty, or None without one."""
    import numpy as np

    if not parameters.fairness_penalty or parameters.fairness_over is None:
        return None
    require_columns(frame, [parameters.fairness_over], what=what)
    return np.unique(read_groups(frame, parameters.fairness_over, what=what), return_inverse=True)[1]
