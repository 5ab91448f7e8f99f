"""Acquire: every readable form, and every hostile file refused in words."""

import json
from pathlib import Path

import pandas as pd
import pytest
from stage_samples import Bench, applications, value

from charter.runtime.stages.acquire import acquire

pytestmark = pytest.mark.ml

GOOD = "age,trade,loan\n41,farm,1\n22,,0\n"


def spec(location: str, form: str = "csv", *columns: str) -> dict[str, object]:
    return {"format": form, "location": location, "columns": list(columns)}


def test_csv(bench: Bench) -> None:
    (bench.root / "a.csv").write_text(GOOD)
    made = bench.run(acquire, spec("a.csv", "csv", "loan"))
    frame = pd.read_parquet(made.artifacts["data"])
    assert list(frame.columns) == ["age", "trade", "loan"]
    assert frame["age"].tolist() == [41, 22]
    assert frame["trade"].isna().tolist() == [False, True]
    assert value(made, "rows") == 2
    assert len(value(made, "source_sha256")) == 64


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_other_forms_read_the_same(bench: Bench, form: str) -> None:
    rows = applications(50)
    if form == "parquet":
        rows.to_parquet(bench.root / "a.parquet", index=False)
    else:
        rows.to_json(bench.root / "a.jsonl", orient="records", lines=True, double_precision=15)
    made = pd.read_parquet(bench.run(acquire, spec(f"a.{form}", form, "loan")).artifacts["data"])
    pd.testing.assert_frame_equal(made, rows, check_exact=False)


def test_same_file_same_bytes(bench: Bench) -> None:
    (bench.root / "a.csv").write_text(GOOD)
    first, second = (bench.run(acquire, spec("a.csv")).artifacts["data"].read_bytes() for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "text",
    [
        "age,trade,loan\r\n41,farm,1\n22,,0\r\n",
        "\ufeffage,trade,loan\n41,farm,1\n22,,0\n",
        'age,trade,loan\n41,"farm",1\n22,"",0',
        "age,trade,loan\n41,farm,1\n22,NA,0\n",
    ],
    ids=["mixed line endings", "byte order mark", "quotes, no last line end", "NA"],
)
def test_csv_dialects(bench: Bench, text: str) -> None:
    (bench.root / "a.csv").write_bytes(text.encode())
    made = pd.read_parquet(bench.run(acquire, spec("a.csv")).artifacts["data"])
    assert made["age"].tolist() == [41, 22] and made["loan"].tolist() == [1, 0]
    assert made["trade"].isna().tolist() == [False, True]


def test_type_is_decided_by_the_whole_file(bench: Bench) -> None:
    rows = "\n".join(["1"] * 300_000)
    (bench.root / "a.csv").write_text(f"age\n{rows}\n1.5\n")
    made = pd.read_parquet(bench.run(acquire, spec("a.csv")).artifacts["data"])
    assert made["age"].iloc[-1] == 1.5


@pytest.mark.parametrize(
    ("content", "summary"),
    [
        (b"", "empty file"),
        (b"  \n\n", "empty file"),
        (b"age,loan\n", "no rows"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "binary file"),
        (b"age,loan\n\xff\xfe\xfd,1\n", "not UTF-8 text"),
        (b"\xff\xfe,loan\n1,1\n", None),
        (b"age,loan\n1,0\n2,1,9\n3,0\n", "malformed CSV"),
        (b"age,age,loan\n1,2,0\n", "duplicate column"),
        (b",age,loan\n0,1,0\n", "column without a name"),
        (b"age,lo\x07an\n0,1\n", "column without a name"),
        (b'age,loan\n"1,0\n2,1\n', None),
    ],
)
def test_hostile_csv(bench: Bench, content: bytes, summary: str | None) -> None:
    (bench.root / "a.csv").write_bytes(content)
    refused = bench.refuse(acquire, spec("a.csv", "csv", "loan"))
    assert summary is None or refused.summary == summary
    assert "`a.csv`" in refused.detail


@pytest.mark.parametrize("words", [1, 5, 30])
def test_words_among_numbers(bench: Bench, words: int) -> None:
    ages = [str(number) for number in range(100)]
    ages[7 : 7 + words] = ["secret"] * words
    (bench.root / "a.csv").write_text("age,loan\n" + "".join(f"{age},1\n" for age in ages))
    if words == 30:  # too many to be slips: the column is text
        assert pd.read_parquet(bench.run(acquire, spec("a.csv")).artifacts["data"])["age"].nunique() == 71
        return
    refused = bench.refuse(acquire, spec("a.csv"))
    assert refused.summary == "words among numbers" and "row 9" in refused.detail and "secret" not in refused.detail


def test_malformed_row_is_named_and_not_quoted(bench: Bench) -> None:
    (bench.root / "a.csv").write_text("name,loan\nAda,1\nSecret Person,0,7\n")
    detail = bench.refuse(acquire, spec("a.csv")).detail
    assert "row 3" in detail and "Secret" not in detail


@pytest.mark.parametrize(
    "content", [b"{", b'{"a": 1}\n{"a": "x"}\n', b'{"a": {"b": 1}}\n', b"[1]\n", b"\x00\x01"], ids=repr
)
def test_hostile_jsonl(bench: Bench, content: bytes) -> None:
    (bench.root / "a.jsonl").write_bytes(content)
    assert "`a.jsonl`" in bench.refuse(acquire, spec("a.jsonl", "jsonl")).detail


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1", b"age,loan\n1,1\n"], ids=repr)
def test_hostile_parquet(bench: Bench, content: bytes) -> None:
    (bench.root / "a.parquet").write_bytes(content)
    assert bench.refuse(acquire, spec("a.parquet", "parquet")).summary == "malformed file"


def test_nested_parquet(bench: Bench) -> None:
    pd.DataFrame({"a": [[1, 2]], "loan": [1]}).to_parquet(bench.root / "a.parquet")
    assert bench.refuse(acquire, spec("a.parquet", "parquet")).summary == "unsupported column type"


def test_missing_file_directory_and_escape(bench: Bench) -> None:
    (bench.root / "folder").mkdir()
    assert bench.refuse(acquire, spec("nowhere.csv")).summary == "no such file"
    assert bench.refuse(acquire, spec("folder")).summary == "not a file"
    assert bench.refuse(acquire, spec("../secrets.csv")).summary == "outside the project"
    assert bench.refuse(acquire, spec("/etc/passwd")).summary == "outside the project"
    (bench.root / "link.csv").symlink_to("/etc/passwd")
    assert bench.refuse(acquire, spec("link.csv")).summary == "outside the project"


def test_unreadable_file(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bench.root / "a.csv"
    path.write_text(GOOD)
    real = Path.open

    def denied(self: Path, *args: object, **more: object) -> object:
        if self.name == "a.csv":
            raise PermissionError(13, "Permission denied")
        return real(self, *args, **more)  # type: ignore[arg-type, call-overload]

    monkeypatch.setattr(Path, "open", denied)
    assert bench.refuse(acquire, spec("a.csv")).summary == "file not readable"


def test_column_that_the_charter_names(bench: Bench) -> None:
    (bench.root / "a.csv").write_text(GOOD)
    refused = bench.refuse(acquire, spec("a.csv", "csv", "laon"))
    assert refused.summary == "no such column" and "Did you mean `loan`?" in refused.detail


def test_unknown_format(bench: Bench) -> None:
    (bench.root / "a.csv").write_text(json.dumps(1))
    assert "Did you mean `csv`?" in bench.refuse(acquire, spec("a.csv", "csvv")).detail
