"""A gate's figures: the embedded engine against a real OPA server over keep-alive loopback, and what surrounds it.

python -m bench --only gates
"""

import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import msgspec
import psutil

from charter.compiler import ir
from charter.policies.catalogue import schema
from charter.runtime.events import GateDecided
from charter.runtime.gatekeeper import recordable
from charter.runtime.gates.contract import decode_input
from charter.runtime.gates.decide import Decision, decide, decide_gate
from charter.runtime.gates.embedded import EmbeddedEngine
from charter.runtime.gates.engine import PolicyEngine
from charter.runtime.gates.facts import GateFacts
from charter.runtime.gates.input import build_input
from charter.runtime.ledger import Event, Ledger

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(ROOT / "tests" / "gates"))
import gate_samples as sample  # noqa: E402 - the samples of the contract tests
from table import Row  # noqa: E402

SERVER = "OPA server, keep-alive loopback"
DECISIONS = 100_000
SETTLED = 10_000


def rows(*, runs: int = 5) -> list[Row]:
    """All figures; those against OPA have no baseline on a machine without it."""
    small = sample.bundle(sample.requirement())
    small_facts = sample.facts(evidence=(sample.evidence(),))
    rules, rules_facts = sixty_rules()
    large = with_a_megabyte(small)
    with opened_server() as server:
        found = [
            against_server("decide: no control of its own", *without_controls(), server, runs, ""),
            against_server("decide: 1 rule", small, small_facts, server, runs, ""),
            against_server("decide: 60 rules, 5 KB of input", rules, rules_facts, server, runs, "<= 0.4"),
            against_server("decide: 1 rule, 1 MB of data", large, small_facts, server, runs, "<= 0.7"),
            loading(server, runs),
        ]
    guarded = guarding("decide: 1 rule, limited process", small, small_facts, runs)
    sixty = guarding("decide: 60 rules, limited process", rules, rules_facts, runs)
    return [
        *found,
        guarded,
        sixty,
        *around(small, small_facts, runs),
        *whole_gate(small, small_facts, runs),
        building(runs),
        memory(small, small_facts),
    ]


def against_server(
    name: str, bundle: ir.Bundle, facts: GateFacts, server: PolicyEngine | None, runs: int, target: str
) -> Row:
    """One checked decision (input checked, decided, answer checked) on each engine, in turns."""
    data = build_input(sample.document(bundle), facts)
    embedded = EmbeddedEngine()
    embedded.load(bundle)
    assert decide(embedded, bundle, data).failure is None
    ours: list[float] = []
    theirs: list[float] = []
    if server is not None:
        server.load(bundle)
        assert decide(server, bundle, data).failure is None
    for _ in range(runs):
        ours.append(each(lambda: decide(embedded, bundle, data), 100))
        if server is not None:
            theirs.append(each(lambda: decide(server, bundle, data), 100))
    embedded.close()
    return compared(name, ours, "us", SERVER, theirs, target)


def guarding(name: str, bundle: ir.Bundle, facts: GateFacts, runs: int) -> Row:
    """The price of the process in which policies run that did not come with Charter, against none."""
    data = build_input(sample.document(bundle), facts)
    times: dict[bool, list[float]] = {True: [], False: []}
    engines = {guard: EmbeddedEngine(guard=guard) for guard in times}
    for engine in engines.values():
        engine.load(bundle)
        assert decide(engine, bundle, data).failure is None
    for _ in range(runs):
        for guard, taken in times.items():
            engine = engines[guard]
            taken.append(each(lambda engine=engine: decide(engine, bundle, data), 100))
    for engine in engines.values():
        engine.close()
    return compared(name, times[True], "us", "in this process", times[False], "")


def loading(server: PolicyEngine | None, runs: int) -> Row:
    """A bundle of 100 stages with 20 requirements, made ready to decide."""
    bundle = hundred_stages()
    other = sample.bundle(sample.requirement(bound=0.5))
    embedded = EmbeddedEngine()
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(runs):
        ours.append(each(lambda: embedded.load(bundle), 3))
        if server is not None:
            server.load(other)
            theirs.append(each(lambda: server.load(bundle), 1))
    embedded.close()
    name = "load: 100 stages, 20 requirements"
    return compared(name, [took / 1000 for took in ours], "ms", SERVER, [took / 1000 for took in theirs], "")


def around(bundle: ir.Bundle, facts: GateFacts, runs: int) -> Iterator[Row]:
    """What building and checking add to the engine's own time."""
    from jsonschema import Draft202012Validator

    document = sample.document(bundle)
    data = build_input(document, facts)
    engine = EmbeddedEngine()
    engine.load(bundle)
    validator = Draft202012Validator(schema("input"))
    whole: list[float] = []
    alone: list[float] = []
    typed: list[float] = []
    validated: list[float] = []
    for _ in range(runs):
        whole.append(each(lambda: decide_gate(engine, document, facts), 100))
        alone.append(each(lambda: engine.decide(data), 100))
        typed.append(each(lambda: decode_input(data), 1000))
        validated.append(each(lambda: validator.validate(json.loads(data)), 20))
    engine.close()
    yield compared("gate: build, check, decide, check", whole, "us", "the engine alone", alone, "<= 2")
    yield compared("check of one input by its types", typed, "us", "jsonschema, validator kept", validated, "<= 0.1")


def whole_gate(bundle: ir.Bundle, facts: GateFacts, runs: int) -> list[Row]:
    """A gate as a run asks it, durable record with its input included, against what it cannot do without.

    The baseline is twice the engine's own time and one durable append of the same bytes: to a ledger, and to a plain
    file. It is taken as a sequence, since a disk answers a sync that follows another at once sooner than one after a
    decision.
    """
    document = sample.document(bundle)
    engine = EmbeddedEngine()
    engine.load(bundle)
    data = build_input(document, facts)
    event = recorded(facts, decide_gate(engine, document, facts))
    size = len(msgspec.json.encode(event.body)) + len(data)
    counter = itertools.count(1)
    whole: list[float] = []
    ledger_appends: list[float] = []
    file_appends: list[float] = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("CHARTER_BENCH_DIR")) as name:
        folder = Path(name)
        raw = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        at = {"key_path": folder / "ledger.key", "origin": "charter/bench"}
        with Ledger.open(folder / "ledger.db", create=True, **at) as ledger:

            def gate() -> None:
                attempt = msgspec.structs.replace(facts, attempt=next(counter))
                ledger.append([recorded(attempt, decide_gate(engine, document, attempt))])

            def to_ledger() -> None:
                engine.decide(data), engine.decide(data)
                attached = data + str(next(counter)).encode()
                ledger.append(
                    [Event(event.kind, event.subject, event.body, attachments={event.body["input"]: attached})]
                )

            def to_file() -> None:
                engine.decide(data), engine.decide(data)
                os.write(raw, os.urandom(size))
                os.fdatasync(raw)

            for _ in range(runs):
                for task, times in ((gate, whole), (to_ledger, ledger_appends), (to_file, file_appends)):
                    times.append(each(task, 100))
            assert ledger.size == 2 * runs * 100
        os.close(raw)
    engine.close()
    title = "gate: the same, recorded durably"
    return [
        compared(title, whole, "us", "2 x the engine, 1 append to a ledger", ledger_appends, "<= 1"),
        compared(f"{title}: also", whole, "us", "2 x the engine, 1 append + sync of a file", file_appends, ""),
    ]


def recorded(facts: GateFacts, decision: Decision) -> Event:
    """The decision as a run records it, with the bytes that were decided."""
    assert decision.allow
    body = GateDecided(
        run="run-1", gate=facts.gate, stage=facts.stage, point=facts.point, iteration=1, key=facts.key or "",
        allow=decision.allow, waiting=decision.waiting, time=facts.time, actor=facts.actor,
        input=decision.input_digest, subject=facts.subject, content=decision.input_digest,
        bundle=decision.bundle_digest, revision=decision.revision, entrypoint=decision.entrypoint,
        engine=decision.engine, engine_version=decision.engine_version, engine_digest=decision.engine_digest,
        violations=tuple(map(recordable, decision.violations)), warnings=tuple(map(recordable, decision.warnings)),
        obligations=tuple(map(recordable, decision.obligations)), evaluated=decision.evaluated,
    )  # fmt: skip
    return Event(
        "gate.decided", facts.subject, msgspec.to_builtins(body), attachments={decision.input_digest: decision.input}
    )


def building(runs: int) -> Row:
    """The bundle of 200 stages without controls of their own, from the compiler's values."""
    gates = [f"train/s{number}:{point}" for number in range(200) for point in ("entry", "exit")]
    times = [each(lambda: sample.bundle(more_gates=gates), 3) / 1000 for _ in range(runs)]
    return Row("build: bundle of 200 trivial stages", median(times), "ms")


def memory(bundle: ir.Bundle, facts: GateFacts, *, decisions: int = DECISIONS, settled: int = SETTLED) -> Row:
    """This process after many decisions against the same process before them, when it had settled: flat is 1."""
    engine = EmbeddedEngine()
    engine.load(bundle)
    data = build_input(sample.document(bundle), facts)
    process = psutil.Process()
    for _ in range(settled):
        decide(engine, bundle, data)
    before = process.memory_info().rss
    for _ in range(decisions):
        decide(engine, bundle, data)
    after = process.memory_info().rss
    engine.close()
    return compared(
        f"memory after {decisions:,} decisions", [after / 2**20], "MiB", "before them", [before / 2**20], "<= 1.02"
    )


def without_controls() -> tuple[ir.Bundle, GateFacts]:
    """The entry of a stage at which only the packs decide, as at most gates."""
    gate = "train/scorecard:entry"
    return sample.bundle(more_gates=[gate]), sample.facts(gate)


def sixty_rules() -> tuple[ir.Bundle, GateFacts]:
    """60 requirements on 15 metrics, all of them met by the 15 records of evidence."""
    controls = [
        sample.requirement(id=f"holdout.m{number}", metric=f"m{number % 15}", bound=0.1 + number / 100)
        for number in range(60)
    ]
    evidence = tuple(sample.evidence(f"m{number}") for number in range(15))
    return sample.bundle(*controls), sample.facts(evidence=evidence)


def with_a_megabyte(bundle: ir.Bundle) -> ir.Bundle:
    """The same with a megabyte more in its data."""
    filler = {f"item-{number:06}": "x" * 80 for number in range(10_000)}
    return sample.altered(bundle, filler=filler)


def hundred_stages() -> ir.Bundle:
    controls = [sample.requirement(id=f"e{number}.auc", gate=f"evaluate/e{number}:exit") for number in range(20)]
    gates = [f"train/s{number}:{point}" for number in range(80) for point in ("entry", "exit")]
    return sample.bundle(*controls, more_gates=gates)


def each(call: Callable[[], object], times: int) -> float:
    """Microseconds of one call."""
    started = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - started) / times * 1e6


def compared(name: str, ours: list[float], unit: str, baseline: str, theirs: list[float], target: str) -> Row:
    """Medians, and the ratio of ours to theirs."""
    if not theirs:
        return Row(name, median(ours), unit, f"{baseline}: no `opa` here", target=target)
    return Row(name, median(ours), unit, baseline, median(theirs), median(ours) / median(theirs), target)


@contextmanager
def opened_server() -> Iterator[PolicyEngine | None]:
    """A real OPA of our own, or None without one."""
    from charter.runtime.gates.choose import open_engine
    from charter.runtime.gates.loopback import find_opa

    if find_opa() is None:
        yield None
    else:
        with open_engine("opa") as server:
            yield server
