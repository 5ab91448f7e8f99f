"""`charter doctor` says what really works here, by a decision, and exits 4 when the default engine does not."""

import json

import gate_liar
import pytest

from charter.runtime.cli import run_command_line
from charter.runtime.gates.embedded import EmbeddedEngine
from charter.runtime.gates.engine import EngineFailure
from charter.runtime.gates.loopback import LoopbackServer


def doctor(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, dict[str, object]]]:
    code = 0
    try:
        code = run_command_line(["doctor", "--json", *options])
    except SystemExit as stop:
        code = int(stop.code or 0)
    document = json.loads(capsys.readouterr().out)
    assert document["works"] is (code == 0)
    return code, {engine["name"]: engine for engine in document["engines"]}


def test_embedded_engine_works_without_opa(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPA_BIN", "/nonexistent/opa")
    code, engines = doctor(capsys)
    assert code == 0
    assert engines["embedded"]["works"] is True
    assert engines["embedded"]["version"] == "0.13.0"
    assert str(engines["embedded"]["digest"]).startswith("sha256:")
    assert engines["embedded, in its limited process"]["works"] is True
    assert engines["opa"]["works"] is False
    assert "no `opa` on PATH" in str(engines["opa"]["detail"])


@pytest.mark.opa
@pytest.mark.usefixtures("opa")
def test_own_opa_works(capsys: pytest.CaptureFixture[str]) -> None:
    code, engines = doctor(capsys)
    assert code == 0
    assert engines["opa"]["works"] is True
    assert engines["opa"]["seconds"]


@pytest.mark.opa
def test_server_that_allows_everything_does_not_work(
    capsys: pytest.CaptureFixture[str], opa_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def allow(handler: object, status: int, body: bytes) -> None:
        document = json.loads(body)
        document["result"] |= {"allow": True, "violations": []}
        gate_liar.reply(handler, status, json.dumps(document).encode())  # type: ignore[arg-type]

    monkeypatch.setenv("CHARTER_OPA_TOKEN", opa_server.token)
    liar = gate_liar.Liar(opa_server.address.url, allow)
    code, engines = doctor(capsys, "--opa-url", liar.url)
    liar.close()
    assert code == 4
    assert engines[f"opa at {liar.url}"]["detail"] == "It allows what must be denied."
    assert engines["embedded"]["works"] is True


def test_server_that_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    code, engines = doctor(capsys, "--opa-url", "http://127.0.0.1:9")
    assert code == 4
    assert engines["opa at http://127.0.0.1:9"]["detail"] == (
        "`http://127.0.0.1:9` cannot be reached: [Errno 111] Connection refused."
    )


@pytest.mark.parametrize("error", [EngineFailure("engine_failed", "it broke"), ImportError("no regorus")])
def test_broken_default_engine_exits_4(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(EmbeddedEngine, "load", fail)
    code, engines = doctor(capsys)
    assert code == 4
    assert str(error).rstrip(".") in str(engines["embedded"]["detail"])
