"""The model artifact: one zip file that predicts without the trainer's code.

| entry               | holds                                                             |
|---------------------|-------------------------------------------------------------------|
| model.json          | version, trainer, its parameters, threshold of decisions          |
| preprocessing.json  | how a row becomes numbers; see `features.py`                      |
| program.json        | the torch module as operators; see `program.py`                   |
| tensors/N.npy       | its tensors, as NumPy writes them without pickle                  |

A team's own trainer makes one with `learn_preprocessing`, `encode` and `save_model`. The same model gives the same
bytes. Reading one runs no code of the file.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.deterministic_zip import read_zip, write_zip
from charter.runtime.stages.features import Preprocessing, columns_of, encode, feature_names, width

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import torch

    from charter.runtime.stages.program import Program

VERSION = 1
_BATCH = 65_536
"""Rows that are predicted at a time."""
_SAME = 1e-4
"""Largest difference of logits between a module and its program that rounding explains."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model as it was saved: preprocessing, program and threshold."""

    preprocessing: Preprocessing
    threshold: float
    program: "Program"
    trainer: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def features(self) -> list[str]:
        """The columns it reads."""
        return feature_names(self.preprocessing)

    def predict_probability(self, frame: "pd.DataFrame") -> "npt.NDArray[np.float64]":
        """The probability of the target being 1, for every row of a frame with the model's columns.

        Raises:
            StageRefused: a column is missing or unfit, or the model computes something that is no number.
        """
        return self.predict_columns(columns_of(frame, self.features, what="the data to predict"))

    def predict_columns(self, columns: Mapping[str, Sequence[Any]]) -> "npt.NDArray[np.float64]":
        """The same for values by column name."""
        return self.predict_encoded(encode(self.preprocessing, columns))

    def predict_encoded(self, matrix: "npt.NDArray[np.float32]") -> "npt.NDArray[np.float64]":
        """The same for encoded rows, (rows, width)."""
        import numpy as np
        import torch

        parts = []
        with torch.no_grad():
            for start in range(0, len(matrix), _BATCH):
                logits = self.program(torch.from_numpy(matrix[start : start + _BATCH]))
                parts.append(torch.sigmoid(logits.double()).numpy())
        probability: npt.NDArray[np.float64] = np.concatenate(parts) if parts else np.empty(0)
        if not np.isfinite(probability).all():
            raise StageRefused(
                "model gives no number",
                "for some rows the model computes something that is no number. Its training diverged: use a lower "
                "learning rate.",
            )
        return probability


def save_model(
    path: Path,
    module: "torch.nn.Module",
    preprocessing: Preprocessing,
    *,
    trainer: str,
    parameters: Mapping[str, Any] | None = None,
    threshold: float = 0.5,
) -> Path:
    """Write a model artifact.

    Args:
        path: the file to write, below `context.out`.
        module: takes float32 (rows, width) as `encode` makes it; returns one logit a row.
        preprocessing: as `learn_preprocessing` made it.
        trainer: names what made it.
        parameters: what the trainer was given, as JSON.
        threshold: probability from which on the decision is 1.

    Raises:
        StageRefused: the module cannot be exported, is not deterministic, or gives something that is no number.
    """
    import numpy as np
    import torch

    from charter.runtime.stages.program import write_program

    module = module.to("cpu").eval()
    document, tensors = write_program(module, width(preprocessing))
    header = {
        "version": VERSION,
        "trainer": trainer,
        "parameters": dict(parameters or {}),
        "threshold": float(threshold),
        "torch": torch.__version__,
    }
    entries = {
        "model.json": _json(header),
        "preprocessing.json": _json(preprocessing),
        "program.json": _json(document),
    }
    for name, tensor in tensors.items():
        buffer = io.BytesIO()
        np.save(buffer, tensor.cpu().numpy(), allow_pickle=False)
        entries[f"tensors/{name}.npy"] = buffer.getvalue()
    write_zip(path, entries)
    _compare(module, load_model(path), width(preprocessing))
    return path


def load_model(path: Path, *, threads: int | None = None) -> Model:
    """Read a model artifact; `threads` sets how many CPU threads torch may use from now on.

    Raises:
        StageRefused: the file is not a whole model artifact of this version.
    """
    import numpy as np
    import torch

    from charter.runtime.stages.program import Program

    if threads is not None:
        torch.set_num_threads(threads)
    entries = read_zip(path, what="the model")
    try:
        header = json.loads(entries["model.json"])
        if header["version"] != VERSION:
            raise StageRefused(
                "model of another version",
                f"the model file has version {header['version']}; this release reads version {VERSION}. Train again.",
            )
        tensors = {
            name.removeprefix("tensors/").removesuffix(".npy"): torch.from_numpy(
                np.load(io.BytesIO(content), allow_pickle=False)
            )
            for name, content in entries.items()
            if name.startswith("tensors/")
        }
        return Model(
            preprocessing=json.loads(entries["preprocessing.json"]),
            threshold=float(header["threshold"]),
            program=Program(json.loads(entries["program.json"]), tensors),
            trainer=str(header["trainer"]),
            parameters=header["parameters"],
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise StageRefused(
            "not a model file",
            f"`{path.name}` is not a model as `charter.runtime.stages.model_file.save_model` writes it "
            f"({type(error).__name__}). A team's own trainer must write its model with `save_model`.",
        ) from error


def _compare(module: "torch.nn.Module", model: Model, columns: int) -> None:
    """The saved program must compute what the module computes, twice, for any number of rows."""
    import torch

    generator = torch.Generator().manual_seed(0)
    for rows in (1, 7):
        features = torch.randn(rows, columns, generator=generator)
        with torch.no_grad():
            expected = [module(features).reshape(rows) for _ in range(2)]
            given = model.program(features)
        for logits in expected:
            if not torch.allclose(given, logits, rtol=_SAME, atol=_SAME):
                raise StageRefused(
                    "program differs from module",
                    "the saved program does not compute what the module computes: the module is random, keeps state "
                    "between calls, or gives something that is no number.",
                )


def _json(document: Any) -> bytes:
    try:
        return json.dumps(document, sort_keys=True, allow_nan=False, indent=1).encode()
    except (TypeError, ValueError) as error:
        raise StageRefused("not JSON", f"the model's parameters or preprocessing are not JSON: {error}.") from error
