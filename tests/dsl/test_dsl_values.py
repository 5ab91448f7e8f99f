"""What words, numbers, texts and controls become."""

from decimal import Decimal

import pytest
from dsl_base import clause_of, codes_of

from charter.dsl.ast import Call, Control, Date, ListValue, MappingValue, Name, Number, Range, Text


def number(text: str) -> Number:
    value = clause_of(f"require m >= {text}").arguments["control"]
    assert isinstance(value, Control)
    assert isinstance(value.bound, Number)
    return value.bound


@pytest.mark.parametrize(
    ("text", "value", "unit", "is_integer"),
    [
        ("5_000", "5000", None, True),
        ("0", "0", None, True),
        ("-3", "-3", None, True),
        ("0.75", "0.75", None, False),
        ("1e-4", "0.0001", None, False),
        ("1E+2", "100", None, False),
        ("70%", "70", "%", True),
        ("0.5%", "0.5", "%", False),
        ("10 minutes", "10", "minutes", True),
        ("10minutes", "10", "minutes", True),
        ("1 day", "1", "day", True),
        ("4 GB", "4", "GB", True),
        ("4MiB", "4", "MiB", True),
        ("0.1", "0.1", None, False),
        ("0.10", "0.10", None, False),
        ("1e300", "1e300", None, False),
    ],
)
def test_number(text: str, value: str, unit: str | None, is_integer: bool) -> None:
    found = number(text)
    assert (found.value, found.unit, found.is_integer) == (Decimal(value), unit, is_integer)


@pytest.mark.parametrize(
    "text", ["1e301", "1e-301", "1e999999999", "9" * 41, "1e" + "9" * 100_000, "0." + "0" * 100_000]
)
def test_number_out_of_range(text: str) -> None:
    assert codes_of(f"charter 1\nparameter x = {text}\n") == ["CH0014"]


@pytest.mark.parametrize("text", ["1.", ".5", "5_", "_5", "0x10", "1e", "1.2.3", "1 %", "--1", "٣", "1,000"])
def test_no_number(text: str) -> None:
    assert len(codes_of(f"charter 1\nparameter x = {text}\n")) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"plain"', "plain"),
        ('""', ""),
        (r'"a \"quoted\" word"', 'a "quoted" word'),
        (r'"back\\slash"', "back\\slash"),
        (r'"tab\tline\nend"', "tab\tline\nend"),
        (r'"\u202e \u00e4"', "\u202e ä"),
        ('"# no comment"', "# no comment"),
        ('"日本 🙂"', "日本 🙂"),
        ('"""one line"""', "one line"),
        ('""" kept """', " kept "),
        ('"""\n    two\n    lines\n  """', "two\nlines"),
        ('"""\r\n    two\r\n      deeper\r\n  """', "two\n  deeper"),
        ('"""begun here\n    and dedented"""', "begun here\nand dedented"),
        ('"""\n    with\n\n    a gap\n    """', "with\n\na gap"),
        ('"""a "quote" and ""two"" inside"""', 'a "quote" and ""two"" inside'),
        ('"""an escaped \\""" end"""', 'an escaped """ end'),
        ('"""model nothing {\n}"""', "model nothing {\n}"),
    ],
)
def test_text(text: str, value: str) -> None:
    clause = clause_of(f"problem {text}", "objective o")
    assert clause.arguments["text"].value == value


@pytest.mark.parametrize("text", [r'"\x41"', r'"\u12"', r'"\ud800"', r'"\uZZZZ"', r'"a\ b"'])
def test_unknown_escape(text: str) -> None:
    assert codes_of(f"charter 1\nretirement of m {{\nwhen age > 1 day\nlessons {text}\n}}\n") == ["CH0013"]


def test_mapping_values() -> None:
    clause = clause_of(
        'parameters { a: 1, b: two, c: "three", d: [1, [2, x]], e: 1e-4 .. 1e-2 log, f: 10 minutes\n'
        '  g: { h: 2027-03-31 }, "i j": 0.5% .. 5% }',
        "model m",
    )
    values = clause.arguments["values"]
    assert isinstance(values, MappingValue)
    found = {entry.key.text: entry.value for entry in values.entries}
    assert [type(value) for value in found.values()] == [
        Number,
        Name,
        Text,
        ListValue,
        Range,
        Number,
        MappingValue,
        Range,
    ]
    scale = found["e"].scale
    assert scale is not None
    assert scale.text == "log"
    assert isinstance(found["g"].entries[0].value, Date)
    assert values.entries[-1].key.quoted


def test_names() -> None:
    columns = clause_of('personal applicant_name, "a name, quoted", tbl.col', "dataset d").arguments["columns"]
    assert [(name.text, name.quoted, name.parts) for name in columns.items] == [
        ("applicant_name", False, ("applicant_name",)),
        ("a name, quoted", True, ("a name, quoted",)),
        ("tbl.col", False, ("tbl", "col")),
    ]


def test_full_control() -> None:
    control = clause_of(
        "require psi of each feature over sex under attack fgsm(eps: 0.05) on feedback <= 0.2\n"
        "  with confidence 95% for 3 checks graded attested otherwise alert risk-officer enforce absolute"
    ).arguments["control"]
    assert isinstance(control, Control)
    assert control.metric.text == "psi"
    assert control.each is not None and control.each.text == "feature"
    assert control.over is not None and control.over.text == "sex"
    assert isinstance(control.attack, Call)
    assert control.attack.arguments[0].key.text == "eps"
    assert control.on is not None and control.on.text == "feedback"
    assert control.comparison == "<="
    assert control.lasting is not None and control.lasting.unit == "checks"
    assert control.graded is not None and control.graded.text == "attested"
    assert control.reaction is not None and control.reaction.to is not None
    assert control.reaction.to.text == "risk-officer"
    assert control.enforce is not None and control.enforce.text == "absolute"
    assert control.not_worse_than is None


def test_not_worse_than() -> None:
    control = clause_of("require roc_auc not worse than champion by more than 0.01").arguments["control"]
    assert isinstance(control, Control)
    assert (control.comparison, control.bound) == (None, None)
    assert control.not_worse_than is not None and control.not_worse_than.text == "champion"
    assert isinstance(control.margin, Number)


def test_keywords_may_be_names() -> None:
    control = clause_of("require require over over >= of").arguments["control"]
    assert isinstance(control, Control)
    assert control.over is not None
    assert isinstance(control.bound, Name)
    assert (control.metric.text, control.over.text, control.bound.text) == ("require", "over", "of")


def test_optional_arguments_in_any_order() -> None:
    clause = clause_of("split train 70%, test 30% seed 7 stratified by default", "dataset d")
    assert list(clause.arguments) == ["parts", "seed", "stratified by"]


def test_alternatives() -> None:
    sql = clause_of('source sql secret "DB" query "select 1"', "dataset d")
    assert list(sql.arguments) == ["format", "secret", "query"]
    python = clause_of('source python "m:f" from a, b', "dataset d")
    assert list(python.arguments) == ["format", "location", "from"]
