"""A model's program as ONNX bytes: float32 features in, probabilities out, for any number of rows."""

import contextlib
import io
import logging
import warnings

import torch

from charter.runtime.stages.packaged import INPUT, OUTPUT
from charter.runtime.stages.program import Program


class _Probability(torch.nn.Module):
    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.program(features))


def onnx_bytes(program: Program, columns: int) -> bytes:
    """Export with torch's exporter; the weights are inside, not in a file beside it."""
    # The exporter reports its progress, and operators of packages that are not here, on stdout and stderr.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        exported = torch.onnx.export(
            _Probability(program).eval(),
            (torch.zeros(3, columns),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("rows", min=1)},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert exported is not None
    content: bytes = exported.model_proto.SerializeToString(deterministic=True)
    return content
