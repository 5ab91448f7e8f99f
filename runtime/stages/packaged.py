"""The served package: a zip file with an ONNX model and all that is needed to use and to judge it.

| entry               | holds                                                             |
|---------------------|-------------------------------------------------------------------|
| model.onnx          | float32 features (rows, width) in, probabilities (rows,) out      |
| preprocessing.json  | how a row becomes features; see `features.py`                     |
| manifest.json       | model digest, threshold, target                                   |
| MODEL_CARD.md, .json| what it is for, how it was measured, who let it through           |
| digests.json        | SHA-256 of every other entry                                      |
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.deterministic_zip import read_zip, write_zip
from charter.runtime.stages.features import Preprocessing, encode, feature_names

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

INPUT, OUTPUT = "features", "probability"
_DIGESTS = "digests.json"


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A package, checked and ready to predict with onnxruntime; no torch is needed."""

    preprocessing: Preprocessing
    manifest: Mapping[str, Any]
    card: str
    digest: str
    session: Any

    @property
    def features(self) -> list[str]:
        """The columns it reads."""
        return feature_names(self.preprocessing)

    @property
    def threshold(self) -> float:
        """The probability from which on the decision is 1."""
        return float(self.manifest["threshold"])

    def predict_columns(self, columns: Mapping[str, Sequence[Any]]) -> "npt.NDArray[np.float64]":
        """Probabilities for values by column name.

        Raises:
            StageRefused: a column is missing or unfit.
        """
        import numpy as np

        matrix = encode(self.preprocessing, columns)
        (probability,) = self.session.run([OUTPUT], {INPUT: matrix})
        return np.asarray(probability, dtype=np.float64).reshape(len(matrix))


def write_package(path: Path, entries: Mapping[str, bytes]) -> Path:
    """Write the entries and the list of their digests."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in entries.items()}
    return write_zip(path, {**entries, _DIGESTS: json.dumps(digests, indent=1, sort_keys=True).encode()})


def load_package(path: Path) -> PackagedModel:
    """Read a package and check every entry against its digest.

    Raises:
        StageRefused: not a whole package, or an entry was altered.
    """
    import onnxruntime

    entries = read_zip(path, what="the package")
    try:
        digests = json.loads(entries.pop(_DIGESTS))
        if digests != {name: hashlib.sha256(content).hexdigest() for name, content in entries.items()}:
            raise StageRefused("package altered", f"the entries of `{path.name}` are not those that its digests list.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(entries["model.onnx"], options, providers=["CPUExecutionProvider"])
        return PackagedModel(
            preprocessing=json.loads(entries["preprocessing.json"]),
            manifest=json.loads(entries["manifest.json"]),
            card=entries["MODEL_CARD.md"].decode(),
            digest=file_digest(path),
            session=session,
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise StageRefused(
            "not a package", f"`{path.name}` is not a package that this version can serve ({type(error).__name__})."
        ) from error


def file_digest(path: Path) -> str:
    """SHA-256 of a file, as `sha256:` and hexadecimal digits."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
