"""The team's own Rego: what is refused before it may decide, and how what is accepted decides."""

from typing import Any

import gate_samples as s
import pytest

from charter.compiler.rego.bundle import BundleInput, build_bundle
from charter.compiler.rego.project import check_project

GATE = "train/scorecard:entry"
PATH = "policies/no_proxy.rego"


def problems(rego: str) -> list[tuple[str, int, int]]:
    _, found = check_project({"p.rego": rego})
    return [(problem.code, problem.line, problem.column) for problem in found]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("deny contains 1 if input.lifecycle.rsk", ("CH1006", 3, 20)),
        ("deny contains 1 if input.evidence[_].valu", ("CH1006", 3, 20)),
        ("deny contains 1 if { some e in input.evidence; e.valu > 1 }", ("CH1006", 3, 48)),
        ("deny contains 1 if { some _, i in input.inputs; i.digst }", ("CH1006", 3, 49)),
        ("deny contains 1 if { every e in input.evidence { e.valu > 1 } }", ("CH1006", 3, 50)),
        ("deny contains 1 if { e := input.lifecycle; e.rsk }", ("CH1006", 3, 44)),
        ("deny contains 1 if { e := input.lineage[_]; some a in e.artifacts; a.sze }", ("CH1006", 3, 68)),
        ('deny contains 1 if input["lifecycle"]["rsk"]', ("CH1006", 3, 20)),
        ("deny contains 1 if input.declaration.nme", ("CH1006", 3, 20)),
        ("deny contains 1 if input.time.year", ("CH1006", 3, 20)),
        ("deny contains 1 if count([x | x := input.foo]) > 0", ("CH1006", 3, 36)),
        ("deny contains input.foo", ("CH1006", 3, 15)),
        ('deny contains 1 if http.send({"url": "https://x"})', ("CH1004", 3, 20)),
        ("deny contains time.now_ns()", ("CH1004", 3, 15)),
        ('deny contains rand.intn("x", 3)', ("CH1004", 3, 15)),
        ('deny contains uuid.rfc4122("x")', ("CH1004", 3, 15)),
        ("deny contains opa.runtime().env", ("CH1004", 3, 15)),
        ('deny contains net.lookup_ip_addr("x")', ("CH1004", 3, 15)),
        ("deny contains count(numbers.range(1, 200000000))", ("CH1004", 3, 21)),
        ("deny contains 1 if count(input.evidence) > 0 with count as http.send", ("CH1004", 3, 51)),
        ("deny contains cuont(input.evidence)", ("CH1005", 3, 15)),
        ("deny contains data.secrets.x", ("CH1009", 3, 15)),
        ("deny contains data.charter.plan", ("CH1009", 3, 15)),
        ("deny contains data.t.nothing", ("CH1009", 3, 15)),
        ("deny := true", ("CH1008", 3, 1)),
        ("deny if input.time", ("CH1008", 3, 1)),
        ("deny[x] if x := input.time", ("CH1008", 3, 1)),
        ("deny_all := 1", ("CH1008", 3, 1)),
        ("harmless := 1", ("CH1007", 1, 1)),
        ("deny[x] { x := 1 }", ("CH1002", 3, 9)),
        ("deny contains 1 if {", ("CH1001", 4, 1)),
        ("deny contains 1 if x > 1", ("CH1001", 3, 20)),
        ("deny contains 1 if f(2)\nf(x) if f(x - 1)", ("CH1001", 4, 1)),
        ("deny contains 1 if a\na if b\nb if a", ("CH1001", 4, 1)),
        ("deny contains 1 if data.t.warn\nwarn contains 1 if data.t.deny", ("CH1001", 3, 1)),
        # Names that stand for a part of the input.
        ("x := input\ndeny contains 1 if x.lifecyle.risk", ("CH1006", 4, 20)),
        ("deny contains 1 if { x := input; x.lifecyle.risk }", ("CH1006", 3, 34)),
        ("x := input.lifecycle\ny := x\ndeny contains 1 if y.rsk", ("CH1006", 5, 20)),
        ("x := input.lifecycle\ndeny contains 1 if data.t.x.rsk", ("CH1006", 4, 20)),
        ('deny contains 1 if object.get(input, ["lifecyle", "risk"], 1) == 1', ("CH1006", 3, 20)),
        ('deny contains 1 if object.get(input.lifecycle, "rsk", 1) == 1', ("CH1006", 3, 20)),
        ("deny contains 1 if f(input.lifecycle)\nf(l) if l.rsk", ("CH1006", 4, 9)),
        ('deny contains 1 if { k := "lifecyle"; input[k].risk }', ("CH1006", 3, 39)),
        ('deny contains 1 if { some k in ["lifecyle"]; input[k].risk }', ("CH1006", 3, 46)),
        ("deny contains 1 if { some e in input.evidence; e[input.actor] }", ("CH1006", 3, 48)),
        # What the engines answer differently.
        ("deny contains 1 if regex.match(`^\\w+$`, input.actor)", ("CH1004", 3, 20)),
        ("deny contains 1 if regex.match(`\\bx`, input.actor)", ("CH1004", 3, 20)),
        ("deny contains 1 if regex.match(`\\pL`, input.actor)", ("CH1004", 3, 20)),
        ("deny contains 1 if regex.match(`[a&&b]`, input.actor)", ("CH1004", 3, 20)),
        ("deny contains 1 if regex.match(`a(?=b)`, input.actor)", ("CH1004", 3, 20)),
        ("deny contains 1 if regex.match(`a{1001}`, input.actor)", ("CH1004", 3, 20)),
        ("deny contains 1 if regex.match(`(`, input.actor)", ("CH1004", 3, 20)),
        ('deny contains 1 if regex.match(input.actor, "a")', ("CH1004", 3, 20)),
        ('deny contains 1 if count(regex.split("a*", input.actor)) > 1', ("CH1004", 3, 26)),
        ('deny contains 1 if glob.match("{a,b}[!c]?", [], input.actor)', ("CH1004", 3, 20)),
        ('deny contains 1 if glob.match("a?", [], input.actor)', ("CH1004", 3, 20)),
        ('deny contains sprintf("%+d", [1])', ("CH1004", 3, 15)),
        ('deny contains sprintf("%.2f", [1])', ("CH1004", 3, 15)),
        ('deny contains sprintf("%x%%", [1])', ("CH1004", 3, 15)),
        ('deny contains sprintf("%s %s", [1])', ("CH1004", 3, 15)),
        ("deny contains sprintf(input.actor, [1])", ("CH1004", 3, 15)),
        ("deny contains 1 if count(input.actor) > 3", ("CH1004", 3, 20)),
        ("deny contains 1 if time.parse_rfc3339_ns(input.actor) > 3", ("CH1004", 3, 20)),
        ("deny contains 1 if to_number(input.actor) > 3", ("CH1004", 3, 20)),
        ("deny contains upper(input.actor)", ("CH1004", 3, 15)),
        ('deny contains "x" if ceil(input.parameters.p) > 0', ("CH1004", 3, 22)),
        ("deny contains json.marshal(input)", ("CH1004", 3, 15)),
    ],
)
def test_refused(body: str, expected: tuple[str, int, int]) -> None:
    assert problems(f"package t\n\n{body}\n") == [expected]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "CH1001"),
        ("\0\1", "CH1001"),
        ("package t\nx := " + "[" * 40 + "]" * 40, "CH1001"),
        ("package t\nx := " + "{1:" * 100_000, "CH1001"),
        ("package t\nx := " + "(" * 100_000, "CH1001"),
        ("package charter.main\ndeny contains 1", "CH1003"),
        ("package charter\ndeny contains 1", "CH1003"),
        ("package system.authz\nallow := true", "CH1003"),
    ],
    ids=["empty", "binary", "deep", "deep objects", "deep calls", "decision", "root", "engine"],
)
def test_hostile_file_is_refused_in_time(text: str, code: str) -> None:
    assert [found for found, _, _ in problems(text)] == [code]


@pytest.mark.parametrize(
    "body",
    [
        r"deny contains 1 if regex.match(`(?i)^[0-9a-z_.-]+@(?:[^\]x]|[[:alpha:]])\.org$`, input.actor)",
        'deny contains 1 if glob.match("*.example.org", ["."], input.actor)',
        'deny contains sprintf("100%% of %s, %d, %v", ["a", 1, [2]])',
        'deny contains sprintf("%s", found) if found := ["a"]',
        "deny contains 1 if { some h in input.history; time.parse_rfc3339_ns(h.time) > 1 }",
        "deny contains 1 if input[_].risk",
        'deny contains 1 if { k := "lifecycle"; input[k].risk; input.evidence[i].n; input.parameters[p] > 1 }',
        'deny contains 1 if f({"rsk": 1})\nwarn contains 1 if f(input.lifecycle)\nf(l) if l.rsk',
        "x := input.lifecycle\ndeny contains 1 if { x := input.declaration.body; x.rsk }",
        'deny contains 1 if object.get(input, ["declaration", "body", "rsk"], 1) == 1',
    ],
)
def test_accepted(body: str) -> None:
    assert check_project({"p.rego": f"package t\n\n{body}\n"})[1] == ()


@pytest.mark.parametrize("value", ['"true"', '{"a": 1}', "1", "[true]", "null"])
def test_allow_of_another_type_denies_on_every_engine(decide: s.Decide, value: str) -> None:
    built = s.bundle(s.policy(), policies={PATH: f"package t\n\nallow := {value}\n"})
    decision = decide(built, GATE)
    assert decision.failure is None
    assert [violation["message"] for violation in decision.violations] == ["`allow` is not true"]


ACCEPTED = """package team.no_proxy

import data.charter.lib.numbers
import input.lifecycle as system

banned := {"postcode"}

deny contains sprintf("`%s` is a proxy (%s)", [column, numbers.text(1)]) if {
	some column in input.declaration.body.columns
	column in banned
}

violation contains {"msg": "purpose is too broad", "details": {"why": 1}} if input.declaration.body.broad

warn contains "risk is high" if system.risk == "high"

allow if not input.declaration.body.closed
"""


def test_accepted_and_what_it_decides_by() -> None:
    policies, found = check_project({"p.rego": ACCEPTED})
    assert found == ()
    policy = policies["p.rego"]
    assert policy.package == ("team", "no_proxy")
    assert (policy.denials, policy.warnings, policy.allow) == (("deny", "violation"), ("warn",), True)


def test_policies_may_share_rules() -> None:
    other = "package team.lib\n\nallow := true\n\nbanned(x) if x == 1\n"
    main = "package team.main\n\nimport data.team.lib\n\ndeny contains 1 if lib.banned(1)\n"
    assert check_project({"a.rego": main, "b.rego": other})[1] == ()
    assert [problem.code for problem in check_project({"a.rego": main})[1]] == ["CH1009", "CH1009"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, []),
        ({"columns": ["age", "postcode"]}, ["`postcode` is a proxy (1)"]),
        ({"broad": True}, ["purpose is too broad"]),
        ({"closed": True}, ["`allow` is not true"]),
        ({"columns": ["postcode"], "closed": True}, ["`allow` is not true", "`postcode` is a proxy (1)"]),
    ],
)
def test_decides(decide: s.Decide, body: dict[str, Any], found: list[str]) -> None:
    built = s.bundle(s.policy(), policies={PATH: ACCEPTED})
    decision = decide(built, GATE, declarations=(s.declaration("model", "scorecard", **body),))
    assert [violation["message"] for violation in decision.violations] == found
    assert decision.allow is (not found)
    assert {violation["policy"] for violation in decision.violations} <= {"no-proxy"}
    assert [warning["message"] for warning in decision.warnings] == ["risk is high"]
    assert "no-proxy@train/scorecard" in decision.evaluated


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ('"text"', "text"),
        ('{"msg": "object"}', "object"),
        ("3", "the policy gave a message that is neither text nor an object with `msg`"),
        ('{"text": "x"}', "the policy gave a message that is neither text nor an object with `msg`"),
        ("true", "the policy gave a message that is neither text nor an object with `msg`"),
        ('{"msg": 3}', "the policy gave a message that is neither text nor an object with `msg`"),
    ],
)
def test_any_message_denies(decide: s.Decide, message: str, shown: str) -> None:
    built = s.bundle(s.policy(), policies={PATH: f"package t\n\ndeny contains {message}\n"})
    decision = decide(built, GATE)
    assert [violation["message"] for violation in decision.violations] == [shown]


def test_details_of_a_message_are_kept_as_evidence(decide: s.Decide) -> None:
    text = """package t

violation contains {"msg": "as Gatekeeper says it", "details": {"missing": ["a"], "of": 2}}

violation contains {"msg": "without details"}

warn contains {"msg": "as Conftest says it", "details": "in words"}
"""
    decision = decide(s.bundle(s.policy(), policies={PATH: text}), GATE)
    assert {item["message"]: item["evidence"] for item in decision.violations} == {
        "as Gatekeeper says it": {"details": {"missing": ["a"], "of": 2}},
        "without details": None,
    }
    assert [item["evidence"] for item in decision.warnings] == [{"details": "in words"}]


UNSHOWN = "`compliance_report` does not show that all is well"


@pytest.mark.parametrize(
    ("report", "found"),
    [
        ('{"policy": "p", "compliant": true, "reason": "all is well", "scores": {"fairness": 0.9}}', []),
        ('{"overall_result": true, "status": "implemented", "violations": []}', []),
        ('{"allow": true}', []),
        ('{"allowed": true}', []),
        ('{"overall_compliant": true, "violations": set()}', []),
        ('{"status": "PASS", "checks": []}', []),
        ('{"status": "FAIL"}', [UNSHOWN]),
        ('{"status": "PLACEHOLDER", "overall_result": false}', [UNSHOWN]),
        ('{"compliant": false, "reason": "gender bias"}', [UNSHOWN, "gender bias"]),
        ('{"compliant": false, "details": {"message": "pending"}}', [UNSHOWN, "pending"]),
        ('{"compliant": false, "reason": 3, "details": "none"}', [UNSHOWN]),
        ('{"compliant": true, "overall_result": false}', [UNSHOWN]),
        ('{"compliant": true, "violations": ["one"]}', [UNSHOWN]),
        ('{"compliant": "yes"}', [UNSHOWN]),
        ('{"policy": "says nothing"}', [UNSHOWN]),
        ("{}", [UNSHOWN]),
        ('"compliant"', [UNSHOWN]),
        ("true", [UNSHOWN]),
        ("false", [UNSHOWN]),
        ("input.declaration.body.nothing", [UNSHOWN]),
    ],
)
def test_compliance_report_must_show_that_all_is_well(decide: s.Decide, report: str, found: list[str]) -> None:
    built = s.bundle(s.policy(), policies={PATH: f"package t\n\ncompliance_report := {report}\n"})
    decision = decide(built, GATE, declarations=(s.declaration("model", "scorecard"),))
    assert decision.failure is None
    assert {violation["message"] for violation in decision.violations} == set(found)
    assert decision.allow is (not found)


def test_advisory_policy_only_warns(decide: s.Decide) -> None:
    built = s.bundle(s.policy(enforce="advisory"), policies={PATH: 'package t\n\ndeny contains "no"\n'})
    decision = decide(built, GATE)
    assert decision.allow
    assert [warning["message"] for warning in decision.warnings] == ["no"]


def test_one_file_at_two_gates_decides_at_both(decide: s.Decide) -> None:
    second = s.policy(id="no-proxy@train/other", gate="train/other:entry")
    built = s.bundle(s.policy(), second, policies={PATH: 'package t\n\ndeny contains "no"\n'})
    for gate in (GATE, "train/other:entry"):
        assert len(decide(built, gate).violations) == 1


def test_odd_names_of_files_and_packages(decide: s.Decide) -> None:
    path = 'a"]?#%2f ü.rego'
    text = 'package team["no proxy"].x\n\ndeny contains "no"\n'
    built = s.bundle(s.policy(path=path), policies={path: text})
    assert [violation["message"] for violation in decide(built, GATE).violations] == ["no"]
    assert built.roots == ("charter", "team/no proxy/x")


def test_roots_never_lie_in_one_another() -> None:
    texts = {f"{name}.rego": f"package {name}\n\nallow := true\n" for name in ("a", "a.b", "b.c", "b.d")}
    controls = tuple(s.policy(id=path, path=path) for path in texts)
    assert s.bundle(*controls, policies=texts).roots == ("a", "b/c", "b/d", "charter")


def test_finding_says_file_and_place_and_underlines_the_charter() -> None:
    from charter.dsl.source import Span

    span = Span("sample.charter", 10, 20)
    source = BundleInput(
        lifecycle=s.lifecycle(),
        controls=(s.policy(),),
        waivers=(),
        gates=s.gates((s.policy(),)),
        policies={PATH: "package t\n\ndeny contains 1 if input.tme\n"},
        spans={"no-proxy": span},
    )
    built, (finding,) = build_bundle(source)
    assert built is None
    assert finding.code == "CH1006"
    assert finding.span == span
    assert finding.detail.startswith(f"`{PATH}`, line 3, column 20: `input.tme`: the input has no `tme` there")
    assert finding.detail.endswith("Did you mean `time`?")


def test_nothing_is_parsed_without_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "regorus", None)
    s.bundle(s.requirement())


def test_large_charters_are_within_the_limits_of_the_embedded_engine() -> None:
    """Its own are 20,000 lines and 1,024 columns a file."""
    from charter.runtime.gates.embedded import EmbeddedEngine

    long = "m" * 2_000
    controls = [s.requirement(id=f"holdout.m{number}", metric=f"m{number}") for number in range(1_300)]
    built = s.bundle(*controls, s.requirement(id=long, metric=long))
    module = built.modules["charter/controls.rego"]
    assert module.count("\n") > 20_000
    assert max(map(len, module.splitlines())) > 1_024
    engine = EmbeddedEngine()
    engine.load(built)
    engine.close()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('package t\n\ndeny contains 1 if input.actor == "' + "x" * (1 << 20) + '"', 3, "Break it."),
        ("package t\n" + "\n" * (1 << 18), (1 << 18) + 1, "Divide it into several files."),
        ("package t\n" + "# " + "é" * (8 << 20), 1, "Divide it into several files."),
    ],
    ids=["columns", "lines", "bytes"],
)
def test_file_beyond_any_limit_is_refused_clearly(text: str, line: int, said: str) -> None:
    _, (problem,) = check_project({"p.rego": text})
    assert (problem.code, problem.line) == ("CH1001", line)
    assert problem.detail.endswith(said)
