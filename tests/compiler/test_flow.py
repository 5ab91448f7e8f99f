"""Information flow: classes rise on the way and fall behind an attestation only; licences reach what they permit."""

import pytest
from base import CASES, whole
from hypothesis import given, settings
from hypothesis import strategies as st

from charter.compiler.compile import check_charter
from charter.compiler.licences import commercial_use

PERSONAL = ("class personal", "basis consent", "personal email")
DROPPED = ("prepare {", "  drop columns email", "}")
ATTESTED = "attested as internal by privacy-officer"


def dataset(*clauses: str, name: str = "applications", source: str = 'csv "data/applications.csv"') -> str:
    lines = "".join(f"  {clause}\n" for clause in clauses)
    return (
        f"dataset {name} {{\n  source {source}\n  protected sex\n  target default\n"
        f"  split train 70%, test 30% seed 7\n{lines}}}\n"
    )


def model(*clauses: str, rows: str = "applications") -> str:
    lines = "".join(f"  {clause}\n" for clause in clauses)
    return (
        f"model scorecard {{\n  task binary-classification\n  train on {rows}.train\n  trainer builtin tabular-mlp\n"
        f"{lines}}}\n"
    )


def deployment(*clauses: str, after: str = "release") -> str:
    lines = "".join(f"  {clause}\n" for clause in clauses)
    return f"deployment production of scorecard {{\n  after {after}\n{lines}}}\n"


def derived(*clauses: str, of: str = "applications", name: str = "scores") -> str:
    return dataset(*clauses, name=name, source=f'python "enrich:rows" from {of}')


def evaluation(rows: str) -> str:
    return f"evaluation holdout of scorecard on {rows}.test {{\n  require roc_auc >= 0.75\n}}\n"


OFFICER = "role privacy-officer {\n  members at least 1\n}\n"
ANONYMITY = "approval anonymity of scorecard {\n  by privacy-officer\n  excluding owner, trainer\n  after holdout\n}\n"
RECENT = """monitor drift of production on recent every 1 day {
  require psi of each feature <= 0.2
}
"""


HOSTED = """model answers {
  task text-generation
  hosted at "https://models.bank.example/v1" model "m" secret "KEY"
}

evaluation spoken of answers on applications.test {
  require perplexity <= 20
}
"""


def findings(*declarations: str) -> list[str]:
    result = check_charter(CASES / "any.charter", as_text=whole("\n".join(declarations)))
    return sorted(item.code for item in result.diagnostics if item.code.startswith("CH13"))


@pytest.mark.parametrize(
    ("declarations", "expected"),
    [
        # what a class is compared with
        ((dataset(*PERSONAL),), []),
        ((dataset(*PERSONAL), model("cleared for personal")), []),
        ((dataset(*PERSONAL), model("cleared for internal")), ["CH1304", "CH1304"]),
        ((dataset("class public"), deployment("cleared for public")), []),
        ((dataset("class internal"), deployment("cleared for public")), ["CH1304"]),
        ((dataset(), deployment("cleared for personal")), ["CH1304"]),
        ((dataset(), deployment("cleared for special-category")), []),
        ((dataset("personal email"),), ["CH1305"]),
        # what is derived inherits, and may rise
        ((dataset(*PERSONAL), derived(), model("cleared for internal", rows="scores"), evaluation("scores")), 2),
        ((dataset("class public"), derived(*PERSONAL), model(rows="scores"), evaluation("scores")), []),
        ((dataset(*PERSONAL), derived("class internal"), model(rows="scores"), evaluation("scores")), ["CH1301"]),
        (
            (
                dataset(*PERSONAL),
                derived(),
                derived("class public", of="scores", name="more"),
                model(rows="more"),
                evaluation("more"),
            ),
            ["CH1301"],
        ),
        ((dataset(*PERSONAL), derived(*PERSONAL[:2]), model(rows="scores"), evaluation("scores")), []),
        # a class falls behind the approval of who attests it
        ((OFFICER, dataset(*PERSONAL, *DROPPED, ATTESTED)), ["CH1303"]),
        ((OFFICER, dataset(*PERSONAL, ATTESTED), ANONYMITY, deployment(after="release, anonymity")), ["CH1302"]),
        ((OFFICER, dataset("class personal", "basis consent", *DROPPED, ATTESTED), ANONYMITY), ["CH1302"]),
        ((OFFICER, dataset("class internal", ATTESTED), ANONYMITY), ["CH1302"]),
        (
            (
                OFFICER,
                dataset(*PERSONAL, *DROPPED, ATTESTED),
                ANONYMITY,
                deployment("cleared for internal", after="release, anonymity"),
            ),
            [],
        ),
        (
            (OFFICER, dataset(*PERSONAL, *DROPPED, ATTESTED), ANONYMITY, deployment("cleared for internal")),
            ["CH1304"],
        ),
        (
            (
                OFFICER,
                dataset(*PERSONAL, *DROPPED, ATTESTED),
                ANONYMITY,
                deployment("cleared for public", after="release, anonymity"),
            ),
            ["CH1304"],
        ),
        (
            (OFFICER, dataset(*PERSONAL, *DROPPED, ATTESTED), ANONYMITY, model("cleared for internal")),
            ["CH1304", "CH1304"],
        ),
        (
            (
                OFFICER,
                dataset(*PERSONAL),
                derived("class internal", *DROPPED, ATTESTED),
                ANONYMITY,
                model(rows="scores"),
                evaluation("scores"),
                deployment("cleared for internal", after="release, anonymity"),
            ),
            [],
        ),
        # special categories are cleared by name
        ((dataset("class special-category", "basis consent"),), ["CH1304", "CH1304", "CH1304", "CH1306"]),
        (
            (
                dataset("class special-category", "basis consent", "condition research"),
                model("cleared for special-category"),
                deployment("cleared for special-category"),
            ),
            [],
        ),
        # what leaves the house is cleared by name
        ((dataset(*PERSONAL), HOSTED), ["CH1304"]),
        ((dataset(*PERSONAL), HOSTED.replace("{", "{\n  cleared for personal", 1)), []),
        ((dataset("class internal"), HOSTED), []),
        # a monitor's rows reach the deployment
        (
            (
                deployment("cleared for personal"),
                dataset(*PERSONAL, name="recent", source='csv "data/recent.csv"'),
                RECENT,
            ),
            ["CH1304"],
        ),
        (
            (
                dataset("class public"),
                deployment("cleared for public"),
                dataset(*PERSONAL, name="recent", source='csv "data/recent.csv"'),
                RECENT,
            ),
            ["CH1304"],
        ),
        (
            (dataset(), dataset('license "CC-BY-NC-4.0"', name="recent", source='csv "data/recent.csv"'), RECENT),
            ["CH1308"],
        ),
        # licences
        ((dataset('license "CC-BY-NC-4.0"'), deployment("use non-commercial")), []),
        ((dataset('license "CC-BY-NC-4.0"'), deployment("use commercial")), ["CH1308"]),
        ((dataset('license "CC-BY-NC-4.0 OR CC-BY-4.0"'),), []),
        ((dataset('license "CC-BY-NC-4.0"'), derived(), model(rows="scores"), evaluation("scores")), ["CH1308"]),
        ((dataset('license "ours"'), deployment("use non-commercial")), []),
        ((dataset('license "LicenseRef-ours"'),), []),
    ],
)
def test_flow(declarations: tuple[str, ...], expected: list[str] | int):
    found = findings(*declarations)
    assert found == (["CH1304"] * expected if isinstance(expected, int) else expected)


@pytest.mark.parametrize(
    ("licence", "use"),
    [
        ("CC-BY-4.0", "permitted"),
        ("cc-by-sa-3.0-DE", "permitted"),
        ("CC0-1.0", "permitted"),
        ("CC-BY-NC-SA-4.0", "forbidden"),
        ("PolyForm-Noncommercial-1.0.0", "forbidden"),
        ("Creative Commons Attribution-NonCommercial 4.0", "forbidden"),
        ("free for research use only", "forbidden"),
        ("MIT OR CC-BY-NC-4.0", "permitted"),
        ("MIT AND CC-BY-NC-4.0", "forbidden"),
        ("CC-BY-NC-4.0 OR MIT AND CC-BY-4.0", "permitted"),
        ("(CC-BY-NC-4.0 OR MIT) AND CC-BY-NC-4.0", "forbidden"),
        ("MIT AND LicenseRef-ours", "own terms"),
        ("MIT AND whatever", "unknown"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "permitted"),
        ("CC-BY-NC4.0", "unknown"),
        ("", "unknown"),
        ("MIT OR", "unknown"),
        ("MIT )", "unknown"),
        ("((((", "unknown"),
        ("MIT " * 1000, "unknown"),
    ],
)
def test_what_a_licence_permits(licence: str, use: str):
    assert commercial_use(licence) == use


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["(", ")", "AND", "OR", "WITH", "MIT", "CC-BY-NC-4.0", "x"]), max_size=12))
def test_no_expression_is_too_odd(words: list[str]):
    assert commercial_use(" ".join(words)) in ("permitted", "forbidden", "own terms", "unknown")


def test_many_derived_datasets_take_no_time():
    layers = "\n".join(
        derived(
            "class internal",
            of=", ".join(f"d{layer - 1}x{j}" for j in range(5)) if layer else "applications",
            name=f"d{layer}x{i}",
        )
        for layer in range(12)
        for i in range(5)
    )
    assert findings(dataset(*PERSONAL), layers, evaluation("d11x0")) == ["CH1301"] * 60


def test_who_signs_is_told_what_they_attest():
    text = whole(
        "\n".join((OFFICER, dataset(*PERSONAL, *DROPPED, ATTESTED), ANONYMITY, deployment(after="release, anonymity")))
    )
    draft = check_charter(CASES / "any.charter", as_text=text).draft
    assert draft is not None
    told = {control.id: control.text for control in draft.controls}
    assert told["anonymity"] == (
        "1 of privacy-officer, none of them owner, trainer; they attest that applications identifies no person and is "
        "internal"
    )
    assert "attest" not in told["release"]
