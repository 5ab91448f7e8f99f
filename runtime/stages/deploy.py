"""The deploy stage: package the model as ONNX with its card, and serve it on loopback, or lay it into a directory.

It acts outside only with the id of the decision that allowed it, asks for a server of that decision before it
starts one, and leaves earlier servers alone: which one stays is the exit gate's to decide.
"""

import http.client
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import Evidence, StageContext, StageRefused, StageResult
from charter.runtime.stages.features import columns_of, width
from charter.runtime.stages.model_card import card_document, render_card
from charter.runtime.stages.model_file import Model, load_model
from charter.runtime.stages.packaged import file_digest, load_package, write_package
from charter.runtime.stages.serving import ask, ensure_server, lay_down, server_directory, stop_server
from charter.runtime.stages.suggest import suggestion
from charter.runtime.stages.tables import read_frame

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_COMPARED_ROWS = 2_000
_SMOKE_ROWS = 100
SAME = 1e-3
"""Largest difference between served and trained probabilities that a smoke test lets pass."""


def deploy(context: StageContext) -> StageResult:
    """Package, compare with the model, put in place, and try it there."""
    spec = context.spec
    if spec.get("package") != "onnx":
        raise StageRefused("unknown package", f"`{spec.get('package')}` cannot be made; `onnx` can.")
    place = _PLACES.get(str(spec.get("serve")))
    if place is None:
        raise StageRefused(
            "unknown way to serve",
            f"`{spec.get('serve')}` cannot be done.{suggestion(str(spec.get('serve')), _PLACES)}",
        )
    if context.effect is None or context.state is None:
        raise StageRefused("no decision", "a deployment acts outside, and does so only with the id of a decision.")
    server_directory(context.state, context.name)  # refuses a name that is none before any work is done
    model = load_model(context.inputs["model"], threads=context.threads)
    frame = read_frame(context.inputs["reference"], what="the reference data").head(_COMPARED_ROWS)
    columns = columns_of(frame, model.features, what="the reference data")
    expected = model.predict_columns(columns)
    package = _package(context, model)
    difference = _largest_difference(load_package(package).predict_columns(columns), expected)
    effects, smoke, more = place(context, package, columns, expected)
    evidence = (
        Evidence("package_difference", difference, "number", n=len(expected), method="largest absolute difference"),
        Evidence("smoke_test", int(smoke), "number", n=min(_SMOKE_ROWS, len(expected))),
        Evidence("package_bytes", package.stat().st_size, "bytes"),
        *more,
    )
    return StageResult(artifacts={"package": package}, evidence=evidence, effects=effects)


def _package(context: StageContext, model: Model) -> Path:
    from charter.runtime.stages.onnx_export import onnx_bytes

    card = card_document(context.name, context.spec, model, context.dossier)
    manifest = {
        "version": 1,
        "deployment": context.name,
        "model": context.spec["model"],
        "model_digest": file_digest(context.inputs["model"]),
        "target": context.spec["target"],
        "threshold": model.threshold,
    }
    entries = {
        "model.onnx": onnx_bytes(model.program, width(model.preprocessing)),
        "preprocessing.json": _json(model.preprocessing),
        "manifest.json": _json(manifest),
        "model_card.json": _json(card),
        "MODEL_CARD.md": render_card(card).encode(),
    }
    return write_package(context.out / "package.zip", entries)


def _serve_http(
    context: StageContext, package: Path, columns: Mapping[str, Sequence[Any]], expected: "npt.NDArray[np.float64]"
) -> tuple[dict[str, Any], bool, list[Evidence]]:
    assert context.state is not None and context.effect is not None
    digest = file_digest(context.inputs["model"])
    server, seconds = ensure_server(context.state, context.name, package, model=digest, effect=context.effect)
    if not _smoke_test(server, columns, expected):
        stop_server(server)
        return {}, False, []
    return {"server": server}, True, [Evidence("startup_seconds", seconds, "seconds")]


def _smoke_test(
    server: Mapping[str, Any], columns: Mapping[str, Sequence[Any]], expected: "npt.NDArray[np.float64]"
) -> bool:
    """Whether the running server answers rows as the model does, and refuses a row that it cannot read."""
    import numpy as np

    count = min(_SMOKE_ROWS, len(expected))
    rows = [{name: _plain(values[index]) for name, values in columns.items()} for index in range(count)]
    try:
        status, answer = ask(server, "POST", "/predict", {"rows": rows})
        refused, _ = ask(server, "POST", "/predict", {"rows": [{}]})
        served = np.array([item["probability"] for item in answer["predictions"]])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return False
    right = len(served) == count and _largest_difference(served, expected[:count]) <= SAME
    return status == http.client.OK and refused == http.client.UNPROCESSABLE_ENTITY and right


def _lay_down(
    context: StageContext, package: Path, columns: Mapping[str, Sequence[Any]], expected: "npt.NDArray[np.float64]"
) -> tuple[dict[str, Any], bool, list[Evidence]]:
    assert context.state is not None and context.effect is not None
    laid = lay_down(context.state, context.name, package, effect=context.effect)
    smoke = _largest_difference(load_package(Path(laid["file"])).predict_columns(columns), expected) <= SAME
    if not smoke:
        stop_server(laid)
        return {}, False, []
    return {"server": laid}, True, []


_PLACES = {"http": _serve_http, "directory": _lay_down}


def _largest_difference(left: "npt.NDArray[np.float64]", right: "npt.NDArray[np.float64]") -> float:
    import numpy as np

    return float(np.abs(left - right).max())


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _json(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1, default=str).encode()
