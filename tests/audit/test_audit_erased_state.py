"""After an erasure every command that tells of the state still works, and none takes what is gone for a yes."""

import json

import pytest
from frozen import DENIED, take_out

from charter.runtime.failure import ExitCode
from charter.runtime.ledger import Ledger
from charter.runtime.session import recorded_state

GROUND = "Art. 17, request 7"
READERS = (("why", "evaluate/holdout"), ("review", "release"), ("inbox",), ("plan",), ("status",))


def seq_of(project, kind, subject=None):
    """The newest record of a kind, about something."""
    with Ledger.open_read_only(project.ledger_path) as ledger:
        return max(e.seq for e in ledger.events(allow_erased=True) if e.kind == kind and subject in {None, e.subject})


@pytest.fixture
def charter(audit, own):
    """Any command in a copy of the lifecycle; gives exit code, output and errors."""

    def call(*arguments):
        code, out, err = audit(*arguments, project=own, group="")
        return code, " ".join(out.split()), " ".join(err.split())

    return call


@pytest.fixture
def erase(charter, own):
    def call(*seqs):
        by = ("--ground", GROUND, "--sign-with", own.root / "keys/oda.key", "--yes", "--stop-runs")
        code, _, said = charter("audit", "erase", *seqs, *by)
        assert code == 0, said

    return call


def signed(name, key="oda"):
    return ("--key", f"keys/{key}.key", "--comment", name, "--yes")


@pytest.mark.parametrize("kind", ["stage.finished", "gate.decided", "run.closed", "statement.signed", "gate.applied"])
@pytest.mark.parametrize("command", READERS, ids=lambda command: command[0])
def test_a_reader_says_what_is_gone(charter, erase, own, kind, command):
    seq = seq_of(own, kind)
    erase(seq)
    code, out, err = charter(*command)
    assert code in {ExitCode.INCOMPLETE, ExitCode.DENIED}, out + err
    assert f"record {seq} ({kind} about" in out and GROUND in out and "nothing above is complete" in out
    if command[0] not in {"why", "status"}:  # those two may also tell of a denial
        assert code == ExitCode.INCOMPLETE


@pytest.mark.parametrize("command", READERS, ids=lambda command: command[0])
def test_for_tools_it_stays_json(audit, erase, own, command):
    seq = seq_of(own, "gate.applied")
    erase(seq)
    code, out, err = audit(*command, "--json", project=own, group="")
    document = json.loads(out)
    listed = document.get("erased") if isinstance(document, dict) else None
    assert code in {ExitCode.INCOMPLETE, ExitCode.DENIED}
    assert (listed and listed[0]["record"] == seq) or f"record {seq} (" in err


@pytest.mark.parametrize("command", READERS, ids=lambda command: command[0])
def test_what_nobody_recorded_to_be_erased_is_a_finding(charter, own, command):
    take_out(own, seq_of(own, "gate.applied"))
    code, out, err = charter(*command)
    assert (code, "missing, and no record says why" in out) == (ExitCode.DENIED, True), out + err


@pytest.mark.parametrize("command", [("status",), ("plan",)])
def test_an_erased_halt_stands_still(charter, erase, own, command):
    assert charter("halt", "loans", *signed("stop"))[0] == 0
    seq = seq_of(own, "act.signed")
    erase(seq)
    code, out, _ = charter(*command)
    assert code in {ExitCode.INCOMPLETE, ExitCode.DENIED}
    assert f"record {seq} (act.signed about halt/loans" in out and "so nobody can show that it is over" in out


def test_the_report_says_that_an_erased_halt_stands_still(charter, erase, own):
    assert charter("halt", "loans", *signed("stop"))[0] == 0
    erase(seq_of(own, "act.signed"))
    code, out, err = charter("report")
    assert code == ExitCode.INCOMPLETE, out + err
    assert "The lifecycle stands still: record" in (own.root / "charter-report.html").read_text()


def test_an_erased_recall_still_suspends(charter, erase, own):
    assert charter("recall", "dataset/loans", *signed("stolen"))[0] == 0
    before = recorded_state(own)
    erase(seq_of(own, "act.signed"))
    after = recorded_state(own)
    assert before.suspended and set(after.suspended) == set(before.suspended)
    assert after.stage("acquire/loans").exit is None


def test_an_erased_iteration_is_counted(erase, own):
    first = recorded_state(own).iteration
    erase(seq_of(own, "iteration.opened"))
    assert recorded_state(own).iteration == first


@pytest.mark.parametrize("kind", ["gate.decided", "stage.finished", "statement.signed", "run.opened", "run.closed"])
def test_no_run_goes_on(charter, erase, own, kind):
    seq = seq_of(own, kind)
    erase(seq)
    before = recorded_state(own).size
    code, _, said = charter("run", "loans.charter")
    assert code == ExitCode.INCOMPLETE, said
    assert f"record {seq} ({kind}" in said and GROUND in said and "nothing is run or signed here any more" in said
    assert recorded_state(own).size == before


@pytest.mark.parametrize(
    "command",
    [
        ("approve", "release", *signed("x", "rita")),
        ("reject", "release", *signed("x", "rita")),
        ("attest", "evaluate/holdout:roc_auc", "--role", "risk-officer", *signed("x", "rita")),
        ("break-glass", "evaluate/holdout:exit", "--review-by", "2026-11-30", *signed("x")),
        ("resume", "loans", *signed("x")),
        ("recall", "dataset/loans", "--lift", *signed("x")),
    ],
    ids=lambda command: " ".join(command[:1]),
)
def test_nothing_is_signed_that_lets_anything_through(charter, erase, own, command):
    charter("recall", "dataset/loans", *signed("stolen"))
    charter("halt", "loans", *signed("stop"))
    erase(DENIED)
    before = recorded_state(own).size
    code, _, said = charter(*command)
    assert (code, "nothing is run or signed here any more" in said) == (ExitCode.INCOMPLETE, True), said
    assert recorded_state(own).size == before


@pytest.mark.parametrize("command", [("halt", "loans"), ("recall", "dataset/loans")])
def test_what_holds_back_may_still_be_signed(charter, erase, own, command):
    erase(DENIED)
    code, _, said = charter(*command, *signed("stop"))
    assert code == 0, said
    assert recorded_state(own).acts[-1].body.comment == "stop"


def test_an_erasure_beside_a_run_stops_it(own, charter, erase):
    """What is erased while a run goes on is not missed by its next commit."""
    from charter.runtime.failure import Failure
    from charter.runtime.session import open_journal

    with open_journal(own, "loans", create=False) as journal:
        erase(DENIED)
        with pytest.raises(Failure, match="records that runs build on are gone"):
            journal.refresh()


def test_where_a_persons_data_went_is_still_answered(charter, erase, own):
    erase(DENIED)
    answer = ("--record", "answer.json", "--sign-with", "keys/oda.key", "--column", "age")
    code, out, err = charter("audit", "subject", "41", *answer)
    assert (code, "recorded as" in err, f"record {DENIED} (" in err) == (ExitCode.INCOMPLETE, True, True), out + err


def test_the_page_for_approvers_says_what_is_gone(charter, erase, own):
    erase(DENIED)
    code, _, err = charter("review", "release", "--html", "page.html")
    page = (own.root / "page.html").read_text()
    assert (code, f"record {DENIED} (gate.decided" in page, f"record {DENIED} (" in err) == (6, True, True)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_trace_says_that_a_decision_on_the_way_is_gone(audit, erase, own, form):
    """It shows every decision, so a denial that is erased must not look as if there had been none."""
    erase(DENIED)
    code, out, err = audit("trace", "deployment/production", "--format", form, project=own)
    assert (code, f"record {DENIED} (gate.decided" in (err if form == "json" else out)) == (ExitCode.INCOMPLETE, True)
    assert form == "text" or json.loads(out)["trees"]
