"""The network and the training loop of `tabular-mlp`."""

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.parameters import Parameters

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Rows = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int64] | None]
    """Encoded features (rows, width), outcomes, and group numbers for the penalty."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained network, the epoch it is from (1 is the first), and its mean losses, penalty included."""

    module: nn.Module
    epoch: int
    training_loss: float
    validation_loss: float | None
    device: str


class Network(nn.Module):
    """Linear layers with ReLU and dropout; one logit a row."""

    def __init__(self, width: int, parameters: Parameters) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for hidden in parameters.hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(parameters.dropout)]
            width = hidden
        self.layers = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(rows, width) to (rows,)."""
        logits: torch.Tensor = self.layers(features).squeeze(-1)
        return logits


def parity_gap(logits: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """Largest difference between the groups' mean probabilities: demographic parity, made differentiable."""
    probability = torch.sigmoid(logits)
    means = torch.stack([probability[groups == group].mean() for group in torch.unique(groups)])
    return means.max() - means.min()


def fit(training: "Rows", validation: "Rows | None", parameters: Parameters, *, seed: int) -> Fitted:
    """Train with Adam on cross-entropy plus `fairness_penalty` times the parity gap of each batch.

    Raises:
        StageRefused: the loss became something that is no number.
    """
    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    features, outcome, groups = _tensors(training, device)
    held = _tensors(validation, device) if validation is not None else None
    network = Network(features.shape[1], parameters).to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=parameters.learning_rate)
    # Shuffled on the CPU: the order is the same with and without a GPU.
    generator = torch.Generator().manual_seed(seed)
    best: Fitted | None = None
    for epoch in range(1, parameters.epochs + 1):
        network.train()
        total = 0.0
        for rows in torch.split(torch.randperm(len(features), generator=generator).to(device), parameters.batch_size):
            optimiser.zero_grad()
            loss = _loss(network(features[rows]), outcome[rows], None if groups is None else groups[rows], parameters)
            torch.autograd.backward(loss)
            optimiser.step()
            total += float(loss.detach()) * len(rows)
        mean = total / len(features)
        held_loss = _held_loss(network, held, parameters)
        if not torch.isfinite(torch.tensor([mean, held_loss or 0.0])).all():
            raise StageRefused(
                "training diverged", f"in epoch {epoch} the loss is no number any more. Use a lower `learning-rate`."
            )
        if best is None or held_loss is None or best.validation_loss is None or held_loss < best.validation_loss:
            best = Fitted(copy.deepcopy(network), epoch, mean, held_loss, device.type)
    assert best is not None
    return best


def _loss(
    logits: torch.Tensor, outcome: torch.Tensor, groups: torch.Tensor | None, parameters: Parameters
) -> torch.Tensor:
    loss = nn.functional.binary_cross_entropy_with_logits(logits, outcome)
    if groups is not None:
        loss = loss + parameters.fairness_penalty * parity_gap(logits, groups)
    return loss


def _held_loss(
    network: Network, held: tuple[torch.Tensor, torch.Tensor, torch.Tensor | None] | None, parameters: Parameters
) -> float | None:
    if held is None:
        return None
    network.eval()
    features, outcome, groups = held
    with torch.no_grad():
        return float(_loss(network(features), outcome, groups, parameters))


def _tensors(rows: "Rows", device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    features, outcome, groups = rows
    return (
        torch.from_numpy(features).to(device),
        torch.from_numpy(outcome).float().to(device),
        None if groups is None else torch.from_numpy(groups).to(device),
    )
