"""Write the example's data: past applications, and a later batch whose applicants are younger.

Source: UCI Adult (1994 census, Becker and Kohavi, CC BY 4.0), as the package `xai` 0.3.0 ships it; the file is read
from the installed package, which is not imported. What is done to it, all of it:

- spaces around values are removed, and `?`, which the census uses for unknown, becomes an empty field;
- `loan` becomes 1 for `>50K` and 0 for `<=50K`: a yearly income above 50,000 dollars stands in for being
  creditworthy, which it is not; no public data set has real defaults and real protected attributes both;
- one row in five is set aside, at random with a fixed seed, and never becomes a past application;
- the later batch is drawn from those, without replacement, with applicants under 30 eight times as likely to be
  drawn as others: what a campaign among the young would do to who applies. No value is changed.

    python make_data.py [--rows N] [--out DIRECTORY]
"""

import argparse
import csv
import random
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

SEED = 20_261_122
SET_ASIDE = 0.2
LATER_SHARE = 0.3
"""Share of the rows that were set aside which the later batch takes."""
YOUNG, YOUNG_WEIGHT = 30, 8.0

Row = dict[str, str]


def read_census() -> list[Row]:
    """The rows of the census file in the installed package `xai`."""
    try:
        path = Path(str(distribution("xai").locate_file("xai/data/census.csv")))
    except PackageNotFoundError:
        sys.exit("The census data are missing. Install them: pip install --no-deps -r examples/requirements.txt")
    with path.open(newline="", encoding="utf-8") as file:
        return [clean(row) for row in csv.DictReader(file)]


def clean(row: Row) -> Row:
    """One row without its number, spaces and question marks, with `loan` as 0 or 1."""
    values = {name: value.strip() for name, value in row.items() if name}
    cleaned = {name: "" if value == "?" else value for name, value in values.items()}
    cleaned["loan"] = {">50K": "1", "<=50K": "0"}[cleaned["loan"]]
    return cleaned


def later_batch(rows: Sequence[Row], generator: random.Random) -> list[Row]:
    """Rows drawn without replacement by weight (Efraimidis and Spirakis 2006): the largest u ** (1 / weight)."""

    def key(row: Row) -> float:
        weight = YOUNG_WEIGHT if int(row["age"]) < YOUNG else 1.0
        return float(generator.random() ** (1 / weight))

    keyed = sorted(((key(row), number) for number, row in enumerate(rows)), reverse=True)
    drawn = sorted(number for _, number in keyed[: round(len(rows) * LATER_SHARE)])
    return [rows[number] for number in drawn]


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{path}: {len(rows)} rows")


def main() -> None:
    """Write `applications.csv` and `recent-applications.csv`."""
    parser = argparse.ArgumentParser(description="Write the data of the credit-risk example.")
    parser.add_argument("--rows", type=int, help="use only the first N rows of the census, for quick tests")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "data", help="where to write (default: data)"
    )
    options = parser.parse_args()
    generator = random.Random(SEED)
    past, aside = [], []
    for row in read_census()[: options.rows]:
        (aside if generator.random() < SET_ASIDE else past).append(row)
    write(options.out / "applications.csv", past)
    write(options.out / "recent-applications.csv", later_batch(aside, generator))


if __name__ == "__main__":
    main()
