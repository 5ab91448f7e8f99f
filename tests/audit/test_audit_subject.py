"""Where one person's data went: found in the source, the store, models, logs and the ledger."""

import base64
import json
import sqlite3
from types import SimpleNamespace

import pytest

from charter.runtime.audit.past import read_past
from charter.runtime.audit.person import _artifacts, _models, _records
from charter.runtime.ledger import Event, Ledger
from charter.runtime.project import Project

CHARTER = """charter 1

lifecycle people {
  version "1"
  owner "oda@bank.example"
  purpose "Test."
  risk minimal
  use policies core
}

dataset customers {
  source csv "customers.csv"
  class personal
  basis contract
  personal customer
  target repaid
  split train 50%, test 50% seed 7
}
"""


@pytest.fixture(scope="module")
def people(loans, tmp_path_factory):
    """A project that read and split rows of people; one of them has two rows."""
    from charter.runtime.cli import run_command_line

    root = tmp_path_factory.mktemp("people")
    (root / "people.charter").write_text(CHARTER)
    rows = [f"c-{number % 9},{number},{number % 2}" for number in range(10)]
    (root / "customers.csv").write_text("\n".join(["customer,income,repaid", *rows]) + "\n")
    (root / "charter.trust.json").write_bytes(loans.trust_root_path.read_bytes())
    patched = pytest.MonkeyPatch()
    patched.chdir(root)
    try:
        run_command_line(["run", "--key", str(loans.root / "keys" / "emil.key"), "--json"])
    except SystemExit as end:
        assert end.code == 0
    patched.undo()
    return Project(root)


def places(audit, project, *arguments, code=0):
    got, out, errors = audit("subject", *arguments, "--format", "json", project=project)
    assert got == code, errors
    return {item["where"]: item for item in json.loads(out)["places"]}


@pytest.mark.ml
def test_rows_are_found_wherever_they_went(audit, people):
    found = places(audit, people, "c-0")
    assert found["customers.csv"]["found"] == 2
    assert found["acquire/customers:data"]["found"] == 2
    split = [item["found"] for where, item in found.items() if where.startswith("split/")]
    assert (len(split), sum(split)) == (2, 2)
    assert found["customers.csv"]["do"] == "erase"
    assert "no retirement of the charter erases this copy" in found["acquire/customers:data"]["why"]
    nobody = places(audit, people, "c-99")
    assert {item["do"] for item in nobody.values()} == {"nothing"}


@pytest.mark.ml
def test_who_signed_is_kept(audit, people):
    found = places(audit, people, "emil@bank.example")
    kept = [item for item in found.values() if item["do"] == "keep"]
    assert len(kept) == 1
    assert "evidence of a decision" in kept[0]["why"]


@pytest.mark.ml
def test_logs_are_searched_and_what_cannot_be_told_is_said(audit, people):
    log = people.serving / "production" / "inference.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text('{"features": {"customer": "c-0"}}\nbroken\n[]\n{"features": {"customer": "c-1"}}\n')
    assert places(audit, people, "c-0")["inference log of production"]["found"] == 1
    log.write_text('{"features": {"income": 3}}\n')
    found = places(audit, people, "c-0", code=6)
    assert found["inference log of production"]["do"] == "look yourself"
    log.unlink()
    found = places(audit, people, "c-0", "--column", "elsewhere", code=6)
    assert {item["do"] for item in found.values()} == {"look yourself", "nothing"}


@pytest.mark.ml
def test_the_answer_is_recorded_without_naming_the_person(audit, people, loans):
    target = people.root / "answer.json"
    key = loans.root / "keys" / "oda.key"
    code, _, errors = audit("subject", "c-0", "--record", target, "--sign-with", key, project=people)
    assert (code, "answered by oda@bank.example" in errors) == (0, True)
    answer = target.read_bytes()
    assert json.loads(answer)["id"] == "c-0"
    with Ledger.open_read_only(people.ledger_path) as ledger:
        *_, last = ledger.events()
        assert all(b'"c-0"' not in (row.body or b"") for row in ledger.rows())
    from hashlib import sha256

    assert (last.kind, last.body["answer"]) == ("subject.answered", f"sha256:{sha256(answer).hexdigest()}")
    assert last.body["places"]["erase"] >= 3
    assert "answered where one person's data went" in audit("log", "--kind", "subject.answered", project=people)[1]
    assert audit("subject", "c-0", "--record", target, project=people)[0] == 2


@pytest.mark.parametrize(
    ("carried", "found"),
    [
        (b'{"note": ["asked for by Ada Person (c-77)"]}', True),
        (b'{"notes of c-77": 1}', True),
        (b"plain text about c-77.", True),
        (
            b'{"payloadType": "x", "payload": "%b", "signatures": []}' % base64.b64encode(b'{"reason": "row of c-77"}'),
            True,
        ),
        (b'{"note": "c-770, xc-77"}', False),
    ],
)
def test_what_records_carry_is_searched(own, carried, found):
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        ledger.append([Event("other.thing", "x", {"type": "approve"}, None, {"envelope": carried})])
        places = list(_records(read_past(ledger, None), "c-77"))
        assert [(item.where, item.do) for item in places] == (
            [("ledger, what records 69 carry", "erase")] if found else [("ledger", "nothing")]
        )
        ledger.append([Event("other.thing", "x", {"reason": "as c-77 asked"})])
        assert ("ledger, records 70", "erase") in [(i.where, i.do) for i in _records(read_past(ledger, None), "c-77")]
    with sqlite3.connect(own.ledger_path) as database:
        database.execute("UPDATE record SET body = NULL, salt = NULL WHERE seq = 69")
    with Ledger.open_read_only(own.ledger_path) as ledger:
        do = {item.where: item.do for item in _records(read_past(ledger, None), "c-77")}
    assert do["ledger, records 69"] == "look yourself"


def test_predictions_on_rows_of_others_are_no_open_question(past, monkeypatch):
    """They have no column that tells people apart; the lineage says which rows they are of."""
    split = next(body for _, body in past.results if body.stage == "split/loans").artifacts["test"].digest

    def count(path, suffix, name, columns):
        return None if path not in rows else int(path in holding)

    store = SimpleNamespace(has=lambda digest: True, path=lambda digest: digest)
    rows = {a.digest for _, body in past.results for a in body.artifacts.values() if body.stage[:5] != "evalu"}
    monkeypatch.setattr("charter.runtime.audit.person._count", count)
    ir = SimpleNamespace(stages=())
    holding: set[str] = set()
    for expected in ({"nothing"}, {"look yourself"}):
        places = list(_artifacts(past, store, ir, "c-99", ["customer"]))
        assert {item.do for item in places if item.where.startswith("evaluate/")} == expected
        holding.add(split)


def test_models_that_learnt_from_their_rows_are_named(past):
    train = next(body for _, body in past.results if body.stage == "split/loans").artifacts["train"].digest
    found = [(place.where, place.do) for place in _models(past, {train})]
    assert found == [("train/scorecard:model", "make anew"), ("deploy/production:package", "make anew")]
    assert list(_models(past, {"sha256:" + "0" * 64})) == []


def test_wrong_arguments(audit, loans):
    code, _, errors = audit("subject", "x")
    assert (code, "no column tells people apart" in errors) == (2, True)
    assert audit("subject", "x", "--ledger", loans.ledger_path)[0] == 2
