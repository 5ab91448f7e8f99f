"""Nothing that is erased is taken for a yes: neither a decision nor a signature, nor what stood before them."""

import json

import pytest
from played import Played

from charter.runtime.cli import run_command_line
from charter.runtime.ledger import Ledger
from charter.runtime.ledger.administration import Keeper
from charter.runtime.ledger.custody import erase
from charter.runtime.report.source import read_source
from charter.runtime.session import open_ledger

GATE = "evaluate/holdout:exit"


@pytest.fixture
def played(tmp_path) -> Played:
    made = Played(tmp_path / "p")
    made.run()
    return made


def charter(played: Played, capsys, *arguments: str) -> tuple[int, str]:
    code = run_command_line([*arguments, "--project", str(played.root)])
    return code, " ".join(capsys.readouterr().out.split())


def sign(played: Played, capsys, who: str, command: str = "approve") -> int:
    return charter(played, capsys, command, "release", "--key", str(played.key_file(who)), "--yes")[0]


def erase_last(played: Played, kind: str, subject: str) -> int:
    """Erase the newest record of a kind about something."""
    with Ledger.open_read_only(played.project.ledger_path) as ledger:
        found = [e.seq for e in ledger.events(allow_erased=True) if (e.kind, e.subject) == (kind, subject)]
    with open_ledger(played.project, "credit-risk", create=False) as ledger:
        erase(ledger, found[-1:], "Art. 17", Keeper("ann@bank.example"))
    return found[-1]


def test_an_erased_decision_is_not_open(played, capsys):
    """Nor is the one before it: what was erased may have been a denial."""
    assert charter(played, capsys, "why", GATE)[0] == 0
    seq = erase_last(played, "gate.decided", "evaluate/holdout")
    code, out = charter(played, capsys, "why", GATE)
    said = f"{GATE} is not known: it may have been decided: record {seq} (gate.decided about evaluate/holdout"
    assert (code, said in out) == (6, True), out
    source = read_source(played.project)
    assert (source.state.stage("evaluate/holdout").exit, source.state.stage("evaluate/holdout").entry) == (None, None)
    assert charter(played, capsys, "inbox")[0] == 6


def test_no_gate_is_open_for_certain_when_anything_is_gone(played, capsys):
    erase_last(played, "run.closed", "lifecycle/credit-risk")
    code, out = charter(played, capsys, "why", GATE)
    assert (code, "is not known" in out, "records are gone that may have said otherwise" in out) == (6, True, True), out
    document = json.loads(charter(played, capsys, "why", GATE, "--json")[1])
    assert [item["status"] for item in document] == ["not known"]


def test_an_erased_approval_does_not_count(played, capsys):
    assert (sign(played, capsys, "bob"), sign(played, capsys, "carol")) == (0, 0)
    assert "the quorum is there" in charter(played, capsys, "inbox")[1]
    erase_last(played, "statement.signed", "approve/release")
    code, out = charter(played, capsys, "inbox")
    assert (code, "2 of 2 signatures are missing" in out) == (6, True), out


def test_no_approval_counts_beside_a_statement_that_is_gone(played, capsys):
    """It may have been a rejection, whether the approvals came before it or after."""
    assert sign(played, capsys, "carol") == 0
    assert sign(played, capsys, "bob", "reject") == 0
    assert sign(played, capsys, "bob") == 0
    with Ledger.open_read_only(played.project.ledger_path) as ledger:
        signed = list(ledger.events(kinds={"statement.signed"}))
    assert [event.body["type"] for event in signed] == ["approve", "reject", "approve"]
    rejected = signed[1].seq
    with open_ledger(played.project, "credit-risk", create=False) as ledger:
        erase(ledger, [rejected], "Art. 17", Keeper("ann@bank.example"))
    assert read_source(played.project).state.signed == []
    assert sign(played, capsys, "carol") == 6


def test_an_approved_gate_is_asked_again_when_a_later_statement_is_gone(played, capsys):
    for who in ("bob", "carol"):
        assert sign(played, capsys, who) == 0
    played.run()
    state = read_source(played.project).state
    assert state.stage("approve/release").exit is not None
    assert sign(played, capsys, "bob", "reject") == 0
    erase_last(played, "statement.signed", "approve/release")
    assert read_source(played.project).state.stage("approve/release").exit is None
