"""A team's own trainer: logistic regression, fitted with LBFGS.

Use it in the charter with `trainer python "trainers.logistic:fit"` and, for example, `parameters { decay: 1e-4 }`. Any
`torch.nn.Module` that turns encoded rows into one logit a row can be saved the same way.
"""

import torch

from charter.runtime.stages.api import Evidence, StageContext, StageResult
from charter.runtime.stages.features import columns_of, encode, feature_names, learn_preprocessing, width
from charter.runtime.stages.model_file import save_model
from charter.runtime.stages.tables import read_frame, read_target


def fit(context: StageContext) -> StageResult:
    """Fit on `inputs["train"]` and save the model artifact."""
    rows = read_frame(context.inputs["train"], what="the training data")
    outcome = read_target(rows, context.spec["target"], what="the training data", both_classes=True)
    preprocessing = learn_preprocessing(rows, context.spec)  # leaves out target, personal and protected columns
    matrix = encode(preprocessing, columns_of(rows, feature_names(preprocessing), what="the training data"))

    torch.manual_seed(context.seed)
    features, labels = torch.from_numpy(matrix), torch.from_numpy(outcome).float()
    module = torch.nn.Sequential(torch.nn.Linear(width(preprocessing), 1), torch.nn.Flatten(0))
    optimiser = torch.optim.LBFGS(module.parameters(), max_iter=100, line_search_fn="strong_wolfe")
    decay = float(context.spec["parameters"].get("decay", 1e-4))

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(module(features), labels)
        loss = loss + decay * module[0].weight.square().sum()
        loss.backward()
        return loss

    loss = float(optimiser.step(closure).detach())
    path = save_model(
        context.out / "model.zip", module, preprocessing, trainer="trainers.logistic:fit", parameters={"decay": decay}
    )
    return StageResult({"model": path}, (Evidence("training_loss", loss, "number", n=len(rows)),))
