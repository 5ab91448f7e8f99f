"""Whatever goes wrong at a gate denies: bundles, inputs and engines that are missing, altered, slow or lying."""

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import gate_liar
import gate_samples as s
import msgspec
import pytest

from charter.compiler import ir
from charter.runtime.gates.contract import MAX_BYTES
from charter.runtime.gates.decide import Decision, decide, decide_gate
from charter.runtime.gates.embedded import EmbeddedEngine
from charter.runtime.gates.engine import EngineFailure, PolicyEngine
from charter.runtime.gates.input import build_input
from charter.runtime.gates.loopback import LoopbackServer
from charter.runtime.gates.server import ServerAddress, ServerEngine

BUNDLE = s.bundle(s.requirement())
DOCUMENT = s.document(BUNDLE)
GOOD = build_input(DOCUMENT, s.facts(evidence=(s.evidence(),)))

opa = pytest.mark.opa
needs_opa = pytest.mark.usefixtures("opa")


def assert_denied(decision: Decision, failure: str) -> None:
    assert not decision.allow
    assert not decision.waiting
    assert decision.failure == failure
    (violation,) = decision.violations
    assert (violation["code"], violation["severity"], violation["waivable"]) == (failure, "absolute", False)
    assert violation["message"]
    assert decision.evaluated == ()


# --- bundles --------------------------------------------------------------------------------------


def test_nothing_loaded(engine: PolicyEngine) -> None:
    assert_denied(decide(engine, BUNDLE, GOOD), "bundle_mismatch")
    with pytest.raises(EngineFailure) as caught:
        engine.decide(GOOD)
    assert caught.value.code == "engine_not_loaded"


def test_another_bundle_loaded(engine: PolicyEngine) -> None:
    engine.load(s.bundle(s.requirement(bound=0.1)))
    assert_denied(decide(engine, BUNDLE, GOOD), "bundle_mismatch")


def test_closed_engine(engine: PolicyEngine) -> None:
    engine.load(BUNDLE)
    assert decide(engine, BUNDLE, GOOD).allow
    engine.close()
    engine.close()
    assert_denied(decide(engine, BUNDLE, GOOD), "bundle_mismatch")


@pytest.mark.parametrize(
    "changes",
    [
        {"modules": dict(BUNDLE.modules) | {"charter/controls.rego": "package charter.controls\n"}},
        {"modules": dict(BUNDLE.modules) | {"charter/more.rego": "package charter.more\n"}},
        {"modules": {}},
        {"data": {}},
        {"data": {"charter": {"plan": BUNDLE.data["charter"]["plan"] | {"packs": {}}}}},
        {"entrypoint": "charter/main/allow"},
        {"roots": ("charter", "more")},
        {"digest": s.digest("0")},
    ],
    ids=["control emptied", "module added", "no modules", "no data", "packs emptied", "entrypoint", "roots", "digest"],
)
def test_altered_bundle_is_not_loaded(engine: PolicyEngine, changes: dict[str, Any]) -> None:
    engine.load(s.bundle(s.requirement(bound=0.5)))
    with pytest.raises(EngineFailure) as caught:
        engine.load(msgspec.structs.replace(BUNDLE, **changes))
    assert caught.value.code == "bundle_altered"


def test_bundle_that_survived_a_round_trip_is_loaded(engine: PolicyEngine) -> None:
    engine.load(msgspec.json.decode(msgspec.json.encode(BUNDLE), type=ir.Bundle))
    assert decide(engine, BUNDLE, GOOD).allow


def test_empty_bundle_denies(engine: PolicyEngine) -> None:
    empty = s.altered(BUNDLE, without=tuple(BUNDLE.modules))
    engine.load(empty)
    decision = decide(engine, empty, GOOD)
    assert not decision.allow
    assert decision.failure in {"engine_failed", "result_undefined"}


def test_module_that_does_not_parse(engine: PolicyEngine) -> None:
    modules = dict(BUNDLE.modules) | {"charter/controls.rego": "package charter.controls\n\nx if {\n"}
    broken = s.altered(msgspec.structs.replace(BUNDLE, modules=modules))
    with pytest.raises(EngineFailure) as caught:
        engine.load(broken)
    assert caught.value.code == "engine_failed"
    assert "charter/controls.rego" in caught.value.message
    assert "Stack backtrace" not in caught.value.message


@pytest.mark.parametrize(
    "code",
    [
        'x := http.send({"method": "get", "url": "http://127.0.0.1:9"})',
        'x := http["send"]({"method": "get", "url": "http://127.0.0.1:9"})',
        "x := opa.runtime()",
        "x := time.now_ns()",
        'x := rand.intn("a", 5)',
        'x := uuid.rfc4122("a")',
        'x := net.lookup_ip_addr("localhost")',
        "x := count(numbers.range(1, 200000000))",
        "x := 1 if count([]) == 0 with count as http.send",
        'f(y) := http.send(y)\n\nx := [f({"url": u}) | some u in ["a"]]',
    ],
)
def test_bundle_that_reaches_outside_is_not_loaded(engine: PolicyEngine, code: str) -> None:
    """Whoever made it: its digest is in order, and no compiler of ours has checked its Rego."""
    modules = dict(BUNDLE.modules) | {"charter/more.rego": f"package charter.more\n\n{code}\n"}
    hostile = s.altered(msgspec.structs.replace(BUNDLE, modules=modules))
    with pytest.raises(EngineFailure) as caught:
        engine.load(hostile)
    assert caught.value.code == "bundle_refused"
    assert "charter/more.rego" in caught.value.message


def test_words_in_text_and_comments_reach_nothing(engine: PolicyEngine) -> None:
    code = '# http.send with opa.runtime\nx := "time.now_ns() with net" # rand.intn\n\ny := `uuid.rfc4122`\n'
    modules = dict(BUNDLE.modules) | {"charter/more.rego": f"package charter.more\n\n{code}"}
    harmless = s.altered(msgspec.structs.replace(BUNDLE, modules=modules))
    engine.load(harmless)
    assert decide(engine, harmless, GOOD).allow


def test_module_left_by_another_bundle_does_not_decide(engine: PolicyEngine) -> None:
    engine.load(
        s.bundle(s.requirement(bound=0.99), s.policy(), policies={s.policy().path: "package t\n\ndeny contains 1\n"})
    )
    engine.load(BUNDLE)
    assert decide(engine, BUNDLE, GOOD).allow


# --- inputs ---------------------------------------------------------------------------------------


def changed(**parts: Any) -> bytes:
    return json.dumps(json.loads(GOOD) | parts, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"schema":1',
        GOOD[:-1],
        GOOD + b"x",
        GOOD.replace(b"0.8", b"NaN"),
        GOOD.replace(b"0.8", b"1e999"),
        GOOD.replace(b"0.8", b"8e-1"),
        GOOD.replace(b"{", b"{ ", 1),
        GOOD.replace(b'"actor":"runner"', b'"actor":"other","actor":"runner"'),
        GOOD.replace(b'"runner"', b'"\\u0072unner"'),
        changed(schema=3),
        changed(schema=1),
        GOOD.replace(b'"models":[],', b""),
        changed(unknown=1),
        changed(evidence=None),
        changed(evidence={}),
        changed(time="2026-11-22"),
        changed(time="2026-11-22T08:00:00+01:00"),
        changed(people={"owner": "olga"}),
        b"[" * 100_000,
        b'{"schema":' + b'{"a":' * 50_000,
    ],
    ids=lambda data: repr(data[:20]),
)
def test_malformed_input(engine: PolicyEngine, data: bytes) -> None:
    if engine.revision != BUNDLE.revision:
        engine.load(BUNDLE)
    assert_denied(decide(engine, BUNDLE, data), "input_malformed")


def test_ten_megabytes(engine: PolicyEngine) -> None:
    engine.load(BUNDLE)
    assert_denied(decide(engine, BUNDLE, changed(actor="x" * (10 << 20))), "input_too_large")
    huge = s.facts(evidence=(s.evidence(item="x" * (10 << 20)),))
    assert_denied(decide_gate(engine, DOCUMENT, huge), "input_too_large")


def test_input_at_the_limit(engine: PolicyEngine) -> None:
    engine.load(BUNDLE)
    room = MAX_BYTES - len(changed(actor=""))
    assert decide(engine, BUNDLE, changed(actor="x" * room)).allow
    assert_denied(decide(engine, BUNDLE, changed(actor="x" * (room + 1))), "input_too_large")


def test_declaration_that_is_no_json(engine: PolicyEngine) -> None:
    engine.load(BUNDLE)
    odd = s.document(BUNDLE, s.declaration("evaluation", "holdout", thing=object()))
    assert_denied(decide_gate(engine, odd, s.facts(evidence=(s.evidence(),))), "input_malformed")


@pytest.mark.parametrize("time", ["2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T25:00:00Z"])
def test_day_that_does_not_exist(engine: PolicyEngine, time: str) -> None:
    built = s.bundle(s.approval(quorum=1, excluding=()))
    engine.load(built)
    decision = decide_gate(
        engine, s.document(built), s.facts("approve/release:exit", approvals=(s.signed("a"),), time=time)
    )
    assert not decision.allow
    assert decision.failure == "engine_failed"


# --- the embedded engine --------------------------------------------------------------------------


def test_many_threads_share_an_engine() -> None:
    engine = EmbeddedEngine()
    engine.load(BUNDLE)
    found: list[bool] = []

    def work() -> None:
        found.extend(decide(engine, BUNDLE, GOOD).allow for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 160


class Panic(BaseException):
    """As pyo3's: no `Exception`."""


class Broken:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def set_input_json(self, _: str) -> None:
        raise self.error


def broken(error: BaseException) -> EmbeddedEngine:
    engine = EmbeddedEngine()
    engine.load(BUNDLE)
    engine._interpreter()._engine = Broken(error)
    return engine


def test_panic_denies_and_the_next_decision_has_a_fresh_engine() -> None:
    engine = broken(Panic("index out of bounds"))
    assert_denied(decide(engine, BUNDLE, GOOD), "engine_failed")
    assert decide(engine, BUNDLE, GOOD).allow


def test_real_panic_denies() -> None:
    """A regorus engine that another thread made panics when it is used."""
    engine = EmbeddedEngine()
    engine.load(BUNDLE)
    mine = engine._interpreter()
    found: list[Decision] = []

    def work() -> None:
        engine._local.interpreter = mine
        found.append(decide(engine, BUNDLE, GOOD))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert_denied(found[0], "engine_failed")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_being_stopped_is_no_decision(error: BaseException) -> None:
    with pytest.raises(type(error)):
        decide(broken(error), BUNDLE, GOOD)


def test_policy_that_fails_at_run_time_denies(engine: PolicyEngine) -> None:
    text = "package t\n\ndeny contains 1 if 1 / count(input.people) > 3\n"
    built = s.bundle(s.policy(gate="evaluate/holdout:exit"), policies={s.policy().path: text})
    engine.load(built)
    decision = decide_gate(engine, s.document(built), s.facts())
    assert not decision.allow
    assert decision.failure == "engine_failed"


# --- the server -----------------------------------------------------------------------------------

Answer = Callable[[Any, int, bytes], None]


@pytest.fixture
def lied_to(opa_server: LoopbackServer) -> Iterator[Callable[[Answer], ServerEngine]]:
    """An engine whose questions are answered by a liar, with the bundle loaded in a real OPA behind it."""
    open_things: list[Any] = []

    def make(answer: Answer, seconds: float = 1.0) -> ServerEngine:
        liar = gate_liar.Liar(opa_server.address.url, answer)
        engine = ServerEngine(ServerAddress(liar.url, token=opa_server.token, seconds=30))
        open_things.extend((engine, liar))
        engine.load(BUNDLE)  # patiently, however busy the machine is; only the question must be answered soon
        engine.address = dataclasses.replace(engine.address, seconds=seconds)
        return engine

    yield make
    for thing in open_things:
        thing.close()


def say(body: bytes, status: int = 200) -> Answer:
    return lambda handler, _status, _body: gate_liar.reply(handler, status, body)


def edit(**parts: Any) -> Answer:
    """The true answer with other parts."""

    def answer(handler: Any, status: int, body: bytes) -> None:
        document = json.loads(body)
        document["result"] |= parts
        gate_liar.reply(handler, status, json.dumps(document).encode())

    return answer


VIOLATION = {
    "policy": "charter",
    "control": "x",
    "code": "x",
    "message": "x",
    "severity": "mandatory",
    "clauses": [],
    "evidence": None,
    "remedy": "",
    "waivable": False,
}


@opa
@needs_opa
def test_truth_passes(lied_to: Any) -> None:
    assert decide(lied_to(edit()), BUNDLE, GOOD).allow


@opa
@needs_opa
@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (say(b""), "result_malformed"),
        (say(b"ok"), "result_malformed"),
        (say(b"\xff\xfe"), "result_malformed"),
        (say(b"[]"), "result_undefined"),
        (say(b"{}"), "result_undefined"),
        (say(b'{"result":true}'), "result_undefined"),
        (say(b'{"result":null}'), "result_undefined"),
        (say(b'{"result":{}}'), "result_malformed"),
        (say(b'{"result":{"allow":true}}'), "result_malformed"),
        (edit(allow="true"), "result_malformed"),
        (edit(allow=1), "result_malformed"),
        (edit(extra=1), "result_malformed"),
        (edit(violations=None), "result_malformed"),
        (edit(violations=[VIOLATION]), "result_malformed"),
        (edit(evaluated=[]), "result_malformed"),
        (edit(allow=False), "result_malformed"),
        (edit(schema=2), "result_malformed"),
        (edit(revision="other"), "result_mismatch"),
        (edit(revision=None), "result_undefined"),
        (edit(gate="train/other:exit"), "result_mismatch"),
        (edit(time="2020-01-01T00:00:00Z"), "result_mismatch"),
        (say(b'{"code":"internal_error","message":"boom"}', 500), "engine_failed"),
        (say(b"<html>", 502), "engine_failed"),
        (say(b"", 204), "engine_failed"),
        (say(b"", 401), "engine_failed"),
        (gate_liar.elsewhere, "engine_failed"),
        (gate_liar.silence, "engine_timeout"),
        (gate_liar.drip, "engine_timeout"),
        (gate_liar.drip_headers, "engine_timeout"),
        (gate_liar.flood, "result_malformed"),
        (gate_liar.cut, "engine_unreachable"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_lying_server(lied_to: Any, answer: Answer, failure: str) -> None:
    assert_denied(decide(lied_to(answer, seconds=0.5), BUNDLE, GOOD), failure)


@opa
@needs_opa
def test_question_is_asked_again_once_when_the_connection_breaks(lied_to: Any) -> None:
    asked: list[int] = []

    def cut_at_first(handler: Any, status: int, body: bytes) -> None:
        asked.append(status)
        (gate_liar.cut if len(asked) == 1 else gate_liar.reply)(handler, status, body)

    assert decide(lied_to(cut_at_first), BUNDLE, GOOD).allow
    assert asked == [200, 200]


@opa
@needs_opa
@pytest.mark.parametrize("slow", [gate_liar.silence, gate_liar.drip], ids=["silent", "dripping"])
def test_question_that_was_not_answered_in_time_is_not_asked_again(lied_to: Any, slow: Answer) -> None:
    asked: list[int] = []

    def late(handler: Any, status: int, body: bytes) -> None:
        asked.append(status)
        slow(handler, status, body)

    assert_denied(decide(lied_to(late, seconds=0.5), BUNDLE, GOOD), "engine_timeout")
    time.sleep(0.5)  # whoever asked again behind our back would have by now
    assert asked == [200]


@opa
@needs_opa
def test_an_upload_that_broke_is_not_repeated_and_nothing_is_decided(opa_server: LoopbackServer) -> None:
    """Half a bundle might be there already; who loads again says so, and what is there is compared."""
    uploads: list[str] = []

    def break_uploads(handler: Any, status: int, body: bytes) -> None:
        if handler.command == "PUT":
            uploads.append(handler.path)
            gate_liar.gone(handler, status, body)
        else:
            gate_liar.reply(handler, status, body)

    liar = gate_liar.Liar(opa_server.address.url, gate_liar.reply, others=break_uploads)
    engine = ServerEngine(ServerAddress(liar.url, token=opa_server.token, seconds=5))
    try:
        with pytest.raises(EngineFailure) as failed:
            engine.load(BUNDLE)
        assert failed.value.code == "engine_unreachable"
        assert len(uploads) == len(set(uploads)) == 1
        assert_denied(decide(engine, BUNDLE, GOOD), "bundle_mismatch")
    finally:
        engine.close()
        liar.close()


@opa
@needs_opa
def test_answer_to_another_question(lied_to: Any) -> None:
    kept: list[bytes] = []

    def first_for_all(handler: Any, status: int, body: bytes) -> None:
        kept.append(body)
        gate_liar.reply(handler, status, kept[0])

    engine = lied_to(first_for_all)
    assert decide(engine, BUNDLE, GOOD).allow
    later = build_input(DOCUMENT, s.facts(time="2026-11-22T08:00:01Z"))
    assert_denied(decide(engine, BUNDLE, later), "result_mismatch")


@opa
@needs_opa
def test_server_that_forgot_or_was_given_something_else(opa_server: LoopbackServer) -> None:
    engine, other = ServerEngine(opa_server.address), ServerEngine(opa_server.address)
    engine.load(BUNDLE)
    assert decide(engine, BUNDLE, GOOD).allow
    other.load(s.bundle(s.requirement(bound=0.1)))
    assert_denied(decide(engine, BUNDLE, GOOD), "result_mismatch")
    other._client.update_or_create_data({}, "charter/plan")
    assert_denied(decide(engine, BUNDLE, GOOD), "result_undefined")
    for name in other._client.get_policies_list():
        if name == "charter/main.rego":
            other._client.delete_policy(name)
    assert_denied(decide(engine, BUNDLE, GOOD), "result_undefined")
    engine.load(BUNDLE)
    assert decide(engine, BUNDLE, GOOD).allow
    engine.close()
    other.close()


@opa
@needs_opa
@pytest.mark.parametrize("token", [None, "wrong"])
def test_wrong_token(opa_server: LoopbackServer, token: str | None) -> None:
    engine = ServerEngine(ServerAddress(opa_server.address.url, token=token))
    with pytest.raises(EngineFailure) as caught:
        engine.load(BUNDLE)
    assert caught.value.code == "engine_failed"
    assert caught.value.message.endswith("(is the token right?)")
    assert_denied(decide(engine, BUNDLE, GOOD), "bundle_mismatch")


def test_nobody_there() -> None:
    engine = ServerEngine(ServerAddress("http://127.0.0.1:9", seconds=0.5))
    with pytest.raises(EngineFailure) as caught:
        engine.load(BUNDLE)
    assert caught.value.code == "engine_unreachable"


@pytest.mark.parametrize(
    "url", ["http://opa.example.org:8181", "ftp://127.0.0.1", "opa:8181", "", "http://", "https://h:x"]
)
def test_address_that_is_not_safe_or_none(url: str) -> None:
    with pytest.raises(EngineFailure) as caught:
        ServerEngine(ServerAddress(url))
    assert caught.value.code == "engine_unreachable"


@opa
@needs_opa
def test_environment_does_not_choose_whom_we_ask(opa_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    engine = ServerEngine(opa_server.address)
    engine.load(BUNDLE)
    assert decide(engine, BUNDLE, GOOD).allow
    engine.close()
