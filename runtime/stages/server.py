"""The server process of a deployment: one package over HTTP on loopback, with an inference log.

| request         | answer                                                                |
|-----------------|-----------------------------------------------------------------------|
| GET /health     | `{"status": "ok", "deployment", "package", "model"}`                  |
| GET /model-card | the model card, Markdown                                              |
| POST /predict   | `{"rows": [{column: value, ...}]}` to `{"predictions": [{"probability", "decision"}]}` |

A request must name the model's columns, all of them and no other, each with a value. Every prediction, and every
request that got none, is written to the log before it is answered; when that fails there is no answer.

Started as `python -m charter.runtime.stages.server ORDER.json`; see `serving.py`.
"""

import http.client
import json
import os
import socket
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.packaged import PackagedModel, load_package
from charter.runtime.stages.serving import SMOKE_HEADER, process_identity
from charter.runtime.stages.suggest import suggestion

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

MOST_ROWS = 1_000
MOST_BYTES = 2 << 20
_LOOPBACK = ["127.0.0.1", "localhost"]


class InferenceLog:
    """A file of JSON lines that only grows; one write a request, so lines of two requests never mix."""

    def __init__(self, path: Path, common: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._common = common

    def append(self, entries: list[dict[str, Any]]) -> None:
        """Write entries.

        Raises:
            OSError: not all of it could be written.
        """
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        lines = [json.dumps({"time": time, **self._common, **entry}, separators=(",", ":")) for entry in entries]
        content = ("\n".join(lines) + "\n").encode()
        if os.write(self._file, content) != len(content):
            raise OSError("the inference log was cut short")


def make_app(model: PackagedModel, order: Mapping[str, Any], log: InferenceLog) -> "FastAPI":
    """The application."""
    from fastapi import FastAPI, Request, Response
    from fastapi.responses import JSONResponse, PlainTextResponse
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI(title=order["deployment"], docs_url=None, redoc_url=None, openapi_url=None)
    # A web page that has its name resolve to loopback must not reach the model.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=_LOOPBACK)

    @app.get("/health")
    async def health() -> Response:
        return JSONResponse(
            {
                "status": "ok",
                "deployment": order["deployment"],
                "package": model.digest,
                "model": order["model"],
            }
        )

    @app.get("/model-card")
    async def card() -> Response:
        return PlainTextResponse(model.card, media_type="text/markdown")

    @app.post("/predict")
    async def predict(request: Request) -> Response:
        smoke = request.headers.get(SMOKE_HEADER) == order["effect"]
        answer: dict[str, Any]
        try:
            rows = read_rows(await _body(request), model.features)
            entries = predictions(model, rows)
            answer = {"predictions": [{key: entry[key] for key in ("probability", "decision")} for entry in entries]}
            status = http.client.OK
        except StageRefused as refused:
            answer = {"error": refused.summary, "detail": refused.detail}
            status = http.client.UNPROCESSABLE_ENTITY
            entries = [{"error": refused.summary}]
        except Exception as error:  # noqa: BLE001 - a fault of the server is counted against it, whatever it is
            answer = {"error": "server fault", "detail": "The prediction failed; see the server's log."}
            status = http.client.INTERNAL_SERVER_ERROR
            entries = [{"error": f"fault: {type(error).__name__}"}]
            traceback.print_exception(error)
        try:
            log.append([{"smoke": True}] if smoke else entries)
        except OSError as error:
            detail = f"The inference log cannot be written ({error.strerror or error}), so nothing is predicted."
            return JSONResponse(
                {"error": "inference log not writable", "detail": detail}, http.client.SERVICE_UNAVAILABLE
            )
        return JSONResponse(answer, status)

    # The annotations of the handlers are names of this function; FastAPI resolves them while it decorates.
    return app


async def _body(request: "Request") -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        # Also keeps web pages out: their plain forms cannot send this type without asking first.
        raise StageRefused("not JSON", "send the rows as `application/json`.")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MOST_BYTES:
            raise StageRefused(
                "request too large", f"a request may have {MOST_BYTES} bytes; send fewer rows at a time."
            )
    return bytes(received)


def read_rows(body: bytes, features: list[str]) -> list[dict[str, Any]]:
    """The rows of a request.

    Raises:
        StageRefused: anything but a list of objects with exactly the model's columns.
    """
    try:
        document = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise StageRefused("not JSON", "the request's body is not valid JSON.") from error
    rows = document.get("rows") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise StageRefused("no rows", 'send `{"rows": [{"column": value}]}` with at least one row.')
    if len(rows) > MOST_ROWS:
        raise StageRefused("too many rows", f"send at most {MOST_ROWS} rows at a time.")
    known = set(features)
    for number, row in enumerate(rows, 1):
        for column in row:
            if column not in known:
                raise StageRefused(
                    "no such column",
                    f"row {number} has a column `{column[:100]}` that the model does not read."
                    f"{suggestion(column[:100], features)}",
                )
        for column in features:
            if column not in row or row[column] is None:
                raise StageRefused("missing value", f"row {number} has no value of `{column}`, which the model reads.")
    return rows


def predictions(model: PackagedModel, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is answered and logged of each row."""
    columns = {name: [row[name] for row in rows] for name in model.features}
    probability = model.predict_columns(columns)
    return [
        {"features": row, "probability": float(value), "decision": int(value >= model.threshold)}
        for row, value in zip(rows, probability, strict=True)
    ]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def main() -> None:
    """Serve until stopped."""
    import uvicorn

    order = json.loads(Path(sys.argv[1]).read_text())
    try:
        model = load_package(Path(order["package"]))
    except StageRefused as refused:
        sys.exit(f"{refused.summary}: {refused.detail}")
    log = InferenceLog(Path(order["log"]), {"package": model.digest, "model": order["model"]})
    app = make_app(model, order, log)
    listener = socket.create_server(("127.0.0.1", 0))
    _write_record(order, model.digest, listener.getsockname()[1])
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    uvicorn.Server(config).run(sockets=[listener])


def _write_record(order: Mapping[str, Any], digest: str, port: int) -> None:
    record = {
        "deployment": order["deployment"],
        "address": f"http://127.0.0.1:{port}",
        "pid": os.getpid(),
        "process": process_identity(os.getpid()),
        "package": digest,
        "model": order["model"],
        "effect": order["effect"],
    }
    path = Path(order["record"])
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(json.dumps(record, indent=1))
    scratch.replace(path)


if __name__ == "__main__":
    main()
