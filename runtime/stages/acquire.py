"""The acquire stage: read a CSV, Parquet or JSON Lines file of the project into one checked Parquet file.

A missing value is an empty field, `NA`, `NaN`, `nan`, `null` or `NULL` in CSV, and `null` in JSON Lines. Text is UTF-8.
"""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from charter.runtime.stages.api import Evidence, StageContext, StageRefused, StageResult
from charter.runtime.stages.suggest import suggestion

if TYPE_CHECKING:
    import pyarrow as pa

MISSING = ("", "NA", "NaN", "nan", "null", "NULL")
"""What stands for a missing value in CSV."""
_NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
_MOSTLY = 0.9
"""Share of numbers from which on a column of words was meant as numbers."""
_BLOCK = 1 << 30
"""Bytes whose values decide the column types: the whole file, up to 1 GiB."""


def acquire(context: StageContext) -> StageResult:
    """Read `spec["location"]` as `spec["format"]`; the columns that the charter names must be there."""
    import pyarrow.parquet as pq

    location = str(context.spec["location"])
    path = _inside(context.project, location)
    kind = str(context.spec["format"])
    if kind not in _READERS:
        raise StageRefused("unknown format", f"`{kind}` cannot be read.{suggestion(kind, _READERS)}")
    table = _checked(_READERS[kind](path, location), location)
    if kind == "csv":
        _refuse_spoilt_numbers(table, location)
    for column in context.spec.get("columns", ()):
        if column not in table.column_names:
            raise StageRefused(
                "no such column",
                f"`{location}` has no column `{column}`, which the charter names."
                f"{suggestion(column, table.column_names)}",
            )
    out = context.out / "data.parquet"
    pq.write_table(table, out)
    return StageResult(
        artifacts={"data": out},
        evidence=(
            Evidence("rows", table.num_rows, "count"),
            Evidence("columns", table.num_columns, "count"),
            Evidence("source_sha256", _sha256(path)),
        ),
    )


def _inside(project: Path, location: str) -> Path:
    root = project.resolve()
    path = (root / location).resolve()
    if not path.is_relative_to(root):
        raise StageRefused(
            "outside the project",
            f"`{location}` leads out of the project's directory. Put the data below it, and name it relative to it.",
        )
    if not path.exists():
        raise StageRefused("no such file", f"there is no file `{location}` in the project's directory.")
    if not path.is_file():
        raise StageRefused("not a file", f"`{location}` is not a file. Name the file that holds the rows.")
    try:
        path.open("rb").close()
    except OSError as error:
        raise StageRefused(
            "file not readable", f"`{location}` cannot be opened ({error.strerror}). Check its permissions."
        ) from error
    return path


def _read_csv(path: Path, location: str) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv

    _refuse_binary(path, location)
    bad_rows: list[csv.InvalidRow] = []

    def keep(row: csv.InvalidRow) -> str:
        bad_rows.append(row)
        return "skip"

    try:
        table = csv.read_csv(
            path,
            # One thread, so that an unreadable row comes with its number.
            read_options=csv.ReadOptions(use_threads=False, block_size=_block(path)),
            parse_options=csv.ParseOptions(invalid_row_handler=keep, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                null_values=list(MISSING), strings_can_be_null=True, quoted_strings_can_be_null=True
            ),
        )
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(location, "CSV", error) from error
    if bad_rows:
        first = bad_rows[0]
        place = f"row {first.number} (the header is row 1)" if first.number is not None else "a row"
        raise StageRefused(
            "malformed CSV",
            f"in `{location}`, {place} has {first.actual_columns} fields where the header has "
            f"{first.expected_columns}; {len(bad_rows)} rows are like it. Mend the export: every row needs the same "
            "number of fields, and a comma or line break inside a field needs double quotes around the field.",
        )
    return table


def _refuse_spoilt_numbers(table: "pa.Table", location: str) -> None:
    """One word among numbers makes the column text, and the model would learn its numbers as names."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, column in zip(table.column_names, table.columns, strict=True):
        if not pa.types.is_string(column.type) or column.null_count == len(column):
            continue
        numeric = pc.match_substring_regex(column, _NUMBER)
        share = pc.mean(numeric).as_py()
        if _MOSTLY <= share < 1:
            words = int(pc.sum(pc.invert(numeric)).as_py())
            first = pc.index(numeric, False).as_py()
            raise StageRefused(
                "words among numbers",
                f"the column `{name}` of `{location}` holds numbers but for {words} values, the "
                f"first in row {first + 2} (the header is row 1). Mend them, or leave them empty. If the column is "
                "meant as text, hand it over as Parquet, where it can say so.",
            )


def _read_jsonl(path: Path, location: str) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import json

    _refuse_binary(path, location)
    try:
        return json.read_json(path, read_options=json.ReadOptions(use_threads=False, block_size=_block(path)))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(location, "JSON Lines (one object a line)", error) from error


def _read_parquet(path: Path, location: str) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(location, "Parquet", error) from error


_READERS: Mapping[str, Callable[[Path, str], "pa.Table"]] = {
    "csv": _read_csv,
    "jsonl": _read_jsonl,
    "parquet": _read_parquet,
}


def _checked(table: "pa.Table", location: str) -> "pa.Table":
    """Flat columns with distinct, printable names, and at least one row."""
    try:
        names = table.column_names
    except UnicodeDecodeError as error:
        raise StageRefused(
            "not UTF-8 text", f"the header of `{location}` is not UTF-8 text. Export it as UTF-8."
        ) from error
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise StageRefused(
            "duplicate column",
            f"`{location}` has more than one column `{repeated[0]}`, so the name does not say which is meant. "
            "Rename one of them.",
        )
    for position, name in enumerate(names, 1):
        if not name.strip() or not name.isprintable():
            raise StageRefused(
                "column without a name",
                f"column {position} of `{location}` has an empty or unprintable name. Give it a name in the "
                "header, or leave the column out.",
            )
    if table.num_rows == 0:
        raise StageRefused("no rows", f"`{location}` has a header but no rows.")
    return _plain(table, location)


def _plain(table: "pa.Table", location: str) -> "pa.Table":
    """Numbers, booleans, text and dates only; decimals become floats, dictionaries their values."""
    import pyarrow as pa
    from pyarrow import types

    columns = []
    for field in table.schema:
        column = table.column(field.name)
        kind = field.type
        if types.is_dictionary(kind):
            kind = kind.value_type
        if types.is_decimal(kind) or types.is_float16(kind):
            kind = pa.float64()
        elif types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind):
            kind = pa.string()
        if types.is_binary(kind):
            raise StageRefused(
                "not UTF-8 text",
                f"the column `{field.name}` of `{location}` holds bytes that are not UTF-8 text. Export it as UTF-8.",
            )
        allowed = (types.is_integer, types.is_floating, types.is_boolean, types.is_string, types.is_date)
        if not any(test(kind) for test in (*allowed, types.is_timestamp)):
            raise StageRefused(
                "unsupported column type",
                f"the column `{field.name}` of `{location}` holds `{kind}`. A column holds numbers, true and false, "
                "text or dates: flatten or leave it out where the data are made.",
            )
        columns.append(column.cast(kind))
    return pa.table(columns, names=table.column_names)


def _refuse_binary(path: Path, location: str) -> None:
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if not head.strip():
        raise StageRefused("empty file", f"`{location}` is empty. Export the rows again, with a header.")
    if b"\0" in head:
        raise StageRefused(
            "binary file",
            f"`{location}` holds binary data, not text. Export it as UTF-8 text, or name its real format.",
        )


def _unreadable(location: str, kind: str, error: Exception) -> StageRefused:
    # Arrow's own text may quote a value, which may be personal; only its first words are safe to repeat.
    reason = "it is not valid UTF-8 text" if "utf" in str(error).lower() else "its structure is broken"
    return StageRefused(
        "malformed file",
        f"`{location}` cannot be read as {kind}: {reason}. Check that the export finished and that the format "
        "in the charter is the file's own.",
    )


def _block(path: Path) -> int:
    return min(max(path.stat().st_size + 1, 1 << 16), _BLOCK)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
