"""Deploy: a package that is checked, one server a decision, and a server that gives strangers nothing."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from stage_samples import ROLES, Bench, value

from charter.runtime.stages import serving
from charter.runtime.stages.api import StageRefused, StageResult
from charter.runtime.stages.deploy import deploy
from charter.runtime.stages.deterministic_zip import read_zip, write_zip
from charter.runtime.stages.model_file import load_model
from charter.runtime.stages.packaged import load_package

pytestmark = pytest.mark.ml

SPEC = {"package": "onnx", "serve": "http", "model": "scorecard", **ROLES}
ROW = {"age": 41, "income": 50.5, "trade": "farm"}
DOSSIER = {
    "lifecycle": {"name": "credit", "version": "1", "owner": "o@x", "purpose": "a | <script>", "risk": "high"},
    "declarations": {"dataset/applications": {"origin": "here\n# heading", "license": "CC-BY-4.0"}},
    "evidence": [{"stage": "evaluate/holdout", "metric": "roc_auc", "value": 0.87654321, "low": 0.8, "high": 0.9}],
    "controls": [{"id": "x", "text": "require roc_auc >= 0.8", "gate": "evaluate/holdout:exit"}],
    "decisions": [{"gate": "evaluate/holdout:exit", "allow": True, "time": "2026-11-22T00:00:00Z", "seq": 12}],
}  # fmt: skip


def inputs(trained: dict[str, Path]) -> dict[str, Path]:
    return {"model": trained["model"], "reference": trained["train"]}


@contextlib.contextmanager
def deployed(bench: Bench, trained: dict[str, Path], **more: Any) -> Iterator[tuple[StageResult, dict[str, Any]]]:
    given: dict[str, Any] = {"name": "production", "effect": "log#1", "state": bench.root / "state"} | more
    made = bench.run(deploy, SPEC, inputs(trained), **given)
    try:
        yield made, made.effects["server"]
    finally:
        serving.stop_server(made.effects["server"])


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, trained: dict[str, Path]
) -> Iterator[tuple[StageResult, dict[str, Any], Path]]:
    bench = Bench(tmp_path_factory.mktemp("served"))
    os.environ["SECRET_TOKEN"] = "hush"
    with deployed(bench, trained, dossier=DOSSIER) as (made, server):
        del os.environ["SECRET_TOKEN"]
        yield made, server, bench.root / "state" / "serving" / "production" / "inference.jsonl"


def call(
    server: dict[str, Any], method: str, path: str, body: bytes | str | None = None, **headers: str
) -> tuple[int, bytes]:
    host, _, port = server["address"].removeprefix("http://").rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    with contextlib.closing(connection):
        sent = {"content-type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        return response.status, response.read()


def predict(server: dict[str, Any], *rows: Any) -> tuple[int, dict[str, Any]]:
    status, answer = call(server, "POST", "/predict", json.dumps({"rows": rows}))
    return status, json.loads(answer)


def test_evidence_and_package(served: tuple[StageResult, dict[str, Any], Path]) -> None:
    made, _, _ = served
    assert value(made, "smoke_test") == 1
    assert value(made, "package_difference") <= 1e-5
    assert value(made, "startup_seconds") > 0
    with zipfile.ZipFile(made.artifacts["package"]) as archive:
        names = set(archive.namelist())
        card = archive.read("MODEL_CARD.md").decode()
        document = json.loads(archive.read("model_card.json"))
    assert names == {
        "model.onnx",
        "preprocessing.json",
        "manifest.json",
        "MODEL_CARD.md",
        "model_card.json",
        "digests.json",
    }
    assert "0.8765" in card and "require roc" in card and "<script>" not in card and "\n# heading" not in card
    assert document["evidence"][0]["value"] == 0.87654321
    assert document["protected"] == ["gender"]


def test_the_server_answers_as_the_model_does(
    served: tuple[StageResult, dict[str, Any], Path], trained: dict[str, Path]
) -> None:
    _, server, log = served
    rows = pd.read_parquet(trained["test"]).head(20)
    status, answer = predict(server, *rows[["age", "income", "trade"]].to_dict("records"))
    assert status == 200
    given = np.array([item["probability"] for item in answer["predictions"]])
    assert np.abs(given - load_model(trained["model"]).predict_probability(rows)).max() < 1e-5
    assert [item["decision"] for item in answer["predictions"]] == [int(p >= 0.5) for p in given]
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [entry["features"] for entry in entries[-20:]] == rows[["age", "income", "trade"]].to_dict("records")
    assert {entry["model"] for entry in entries} == {server["model"]}


def test_smoke_tests_leave_no_rows_in_the_log(served: tuple[StageResult, dict[str, Any], Path]) -> None:
    entries = [json.loads(line) for line in served[2].read_text().splitlines()]
    smoke = [entry for entry in entries if entry.get("smoke")]
    assert len(smoke) == 2 and not any("features" in entry for entry in smoke)


def test_health_and_card(served: tuple[StageResult, dict[str, Any], Path]) -> None:
    _, server, _ = served
    status, answer = call(server, "GET", "/health")
    health = json.loads(answer)
    assert status == 200 and health["status"] == "ok" and health["package"] == server["package"]
    assert "effect" not in health
    status, card = call(server, "GET", "/model-card")
    assert status == 200 and card.startswith(b"# Model card: scorecard")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 200_000, "not valid JSON"),
        (b'{"rows": NaN}', "not valid JSON"),
        (b"[]", "at least one row"),
        (b"null", "at least one row"),
        (b'{"rows": []}', "at least one row"),
        (b'{"rows": [1]}', "at least one row"),
        (json.dumps({"rows": [ROW | {"gendre": 1}]}).encode(), "`gendre`"),
        (json.dumps({"rows": [ROW | {"trad": "x"}]}).encode(), "Did you mean `trade`?"),
        (json.dumps({"rows": [{"age": 1, "income": 2}]}).encode(), "`trade`"),
        (json.dumps({"rows": [ROW | {"age": None}]}).encode(), "`age`"),
        (json.dumps({"rows": [ROW | {"age": "41"}]}).encode(), "`age`"),
        (json.dumps({"rows": [ROW | {"age": [41]}]}).encode(), "`age`"),
        (json.dumps({"rows": [ROW | {"age": 10**400}]}).encode(), "`age`"),
        (b'{"rows": [{"age": 1e999, "income": 1, "trade": "farm"}]}', "`age`"),
        (json.dumps({"rows": [ROW | {"age": 1e300}]}).encode(), "too large"),
        (json.dumps({"rows": [ROW | {"trade": 5}]}).encode(), "`trade`"),
        (json.dumps({"rows": [ROW] * 1001}).encode(), "at most 1000"),
        (b'{"rows": "' + b"x" * (3 << 20) + b'"}', "send fewer rows"),
    ],
)
def test_hostile_requests(served: tuple[StageResult, dict[str, Any], Path], body: bytes, words: str) -> None:
    _, server, log = served
    status, answer = call(server, "POST", "/predict", body)
    assert status == 422 and words in json.loads(answer)["detail"]
    assert "error" in json.loads(log.read_text().splitlines()[-1])
    assert predict(server, ROW)[0] == 200


def test_only_json_from_this_machine(served: tuple[StageResult, dict[str, Any], Path]) -> None:
    _, server, _ = served
    body = json.dumps({"rows": [ROW]})
    assert call(server, "POST", "/predict", body, content_type="text/plain")[0] == 422
    assert call(server, "POST", "/predict", body, host="evil.example")[0] == 400
    assert call(server, "GET", "/docs")[0] == 404 and call(server, "GET", "/openapi.json")[0] == 404
    connections = psutil.Process(server["pid"]).net_connections()
    assert {item.laddr.ip for item in connections if item.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_many_at_once_leave_whole_lines(served: tuple[StageResult, dict[str, Any], Path]) -> None:
    _, server, log = served
    before = len(log.read_text().splitlines())
    threads = [threading.Thread(target=predict, args=(server, *[ROW] * 50)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = log.read_text().splitlines()[before:]
    assert len(lines) == 400 and all(json.loads(line)["decision"] in (0, 1) for line in lines)


def test_the_server_is_on_its_own(served: tuple[StageResult, dict[str, Any], Path]) -> None:
    _, server, log = served
    assert os.getsid(server["pid"]) == server["pid"]
    assert b"hush" not in Path(f"/proc/{server['pid']}/environ").read_bytes()
    assert log.stat().st_mode & 0o077 == 0
    assert serving.read_record(log.parent.parent.parent, "production") == server


def test_the_same_decision_finds_its_server(bench: Bench, trained: dict[str, Path]) -> None:
    with deployed(bench, trained) as (_, server):
        again = bench.run(deploy, SPEC, inputs(trained), name="production", effect="log#1", state=bench.root / "state")
        assert again.effects["server"] == server
        assert value(again, "startup_seconds") == 0.0 and value(again, "smoke_test") == 1
        # Another decision gets a server of its own; the first is left for the gate to stop.
        with deployed(bench, trained, effect="log#2") as (_, other):
            assert other["pid"] != server["pid"] and serving.server_alive(server)
    assert not serving.server_alive(server) and not serving.server_alive(other)


def test_a_dead_server_is_started_again(bench: Bench, trained: dict[str, Path]) -> None:
    with deployed(bench, trained) as (_, server):
        os.kill(server["pid"], signal.SIGKILL)
        psutil.Process(server["pid"]).wait(5)
        assert not serving.server_alive(server)
        with deployed(bench, trained) as (_, again):
            assert again["pid"] != server["pid"] and serving.server_alive(again)


STARTER = """
import sys
from pathlib import Path
from charter.runtime.stages.serving import ensure_server
ensure_server(Path(sys.argv[1]), "production", Path(sys.argv[2]), model="sha256:0", effect="log#1")
"""


def _processes(directory: Path) -> list[int]:
    """Servers whose order lies below the directory."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(directory) in part for part in process.info["cmdline"] or ())
        and "charter.runtime.stages.server" in process.info["cmdline"]
        and process.status() != psutil.STATUS_ZOMBIE
    ]


@pytest.mark.parametrize("moment", ["ordered", "started"])
def test_killed_while_starting_leaves_one_server(
    tmp_path: Path, served: tuple[StageResult, dict[str, Any], Path], moment: str
) -> None:
    """kill -9 between the start of the server and its record: the next attempt finds it, or starts the only one."""
    package = served[0].artifacts["package"]
    own = serving.server_directory(tmp_path, "production")
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path), str(package)])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if moment == "ordered" and list(own.glob("*/server.json")):
            break
        if moment == "started" and psutil.Process(starter.pid).children():
            break
        time.sleep(0.002)
    starter.kill()
    starter.wait()
    record, _ = serving.ensure_server(tmp_path, "production", package, model="sha256:0", effect="log#1")
    try:
        assert _processes(own) == [record["pid"]]
    finally:
        for pid in _processes(own):
            os.kill(pid, signal.SIGKILL)


def test_a_number_that_went_to_another_process_is_not_stopped() -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        identity = serving.process_identity(other.pid)
        assert identity is not None
        stale = {"pid": other.pid, "process": identity + "0", "deployment": "production"}
        assert not serving.server_alive(stale) and serving.stop_server(stale) is False
        assert other.poll() is None
        for broken in (
            {},
            {"pid": other.pid},
            {"pid": "1", "process": "x"},
            {"pid": -1, "process": "x"},
            {"pid": 10**12, "process": "x"},
        ):
            assert serving.stop_server(broken) is False
        assert serving.stop_server(stale | {"process": identity}) is True
        assert serving.process_identity(other.pid) is None
    finally:
        other.kill()


def test_a_server_that_ignores_being_asked_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_STOP_SECONDS", 0.5)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    stubborn = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert stubborn.stdout is not None and stubborn.stdout.readline() == b"up\n"
    record = {"pid": stubborn.pid, "process": serving.process_identity(stubborn.pid)}
    assert serving.stop_server(record) is True and not serving.server_alive(record)
    stubborn.stdout.close()


def test_a_package_that_does_not_load_says_why(bench: Bench, tmp_path: Path) -> None:
    package = tmp_path / "package.zip"
    package.write_bytes(b"PK no package")
    started = time.monotonic()
    with pytest.raises(StageRefused, match="server does not start") as caught:
        serving.ensure_server(tmp_path / "state", "production", package, model="sha256:0", effect="log#1")
    assert "not a whole file" in caught.value.detail
    assert time.monotonic() - started < 30


def test_no_log_no_answer(bench: Bench, trained: dict[str, Path]) -> None:
    log = bench.root / "state" / "serving" / "production" / "inference.jsonl"
    log.parent.mkdir(parents=True)
    log.symlink_to("/dev/full")
    made = bench.run(deploy, SPEC, inputs(trained), name="production", effect="log#1", state=bench.root / "state")
    assert value(made, "smoke_test") == 0 and made.effects == {}
    record = serving.read_record(bench.root / "state", "production")
    assert record is not None and not serving.server_alive(record)


def test_an_altered_package_is_not_served(tmp_path: Path, served: tuple[StageResult, dict[str, Any], Path]) -> None:
    entries = read_zip(served[0].artifacts["package"], what="it")
    entries["manifest.json"] = entries["manifest.json"].replace(b"0.5", b"0.1")
    with pytest.raises(StageRefused, match="package altered"):
        load_package(write_zip(tmp_path / "bad.zip", entries))


def test_same_inputs_same_package(bench: Bench, trained: dict[str, Path]) -> None:
    spec = SPEC | {"serve": "directory"}
    more = {"name": "files", "effect": "log#1", "state": bench.root / "state", "dossier": DOSSIER}
    one, two = (bench.run(deploy, spec, inputs(trained), **more) for _ in range(2))
    assert one.artifacts["package"].read_bytes() == two.artifacts["package"].read_bytes()
    assert value(one, "smoke_test") == 1
    laid = Path(one.effects["server"]["address"])
    assert laid.read_bytes() == one.artifacts["package"].read_bytes()
    assert serving.read_record(bench.root / "state", "files") is None


def test_a_package_that_was_laid_down_is_watched_and_taken_away_like_a_server(tmp_path: Path) -> None:
    package = tmp_path / "package.zip"
    package.write_bytes(b"the package")
    first = serving.lay_down(tmp_path, "files", package, effect="log#1")
    second = serving.lay_down(tmp_path, "files", package, effect="log#2")
    assert serving.server_alive(first) and serving.server_alive(second)
    assert serving.stop_server(first)
    assert not serving.stop_server(first), "it is gone already"
    assert not serving.server_alive(first)
    assert serving.server_alive(second), "the same bytes of a later decision stay"
    Path(second["address"]).write_bytes(b"another")
    assert not serving.server_alive(second)


@pytest.mark.parametrize(
    ("spec", "more", "summary"),
    [
        (SPEC, {"effect": None}, "no decision"),
        (SPEC, {"state": None}, "no decision"),
        (SPEC | {"package": "tar"}, {}, "unknown package"),
        (SPEC | {"serve": "htp"}, {}, "unknown way to serve"),
        (SPEC, {"name": "../up"}, "not a name"),
        (SPEC, {"name": ".hidden"}, "not a name"),
    ],
)
def test_refusals(
    bench: Bench, trained: dict[str, Path], spec: dict[str, Any], more: dict[str, Any], summary: str
) -> None:
    given = {"name": "production", "effect": "log#1", "state": bench.root / "state"} | more
    assert bench.refuse(deploy, spec, inputs(trained), **given).summary == summary
