"""`charter approve` and `charter reject`: what is shown is what is signed, and only by whom the charter names."""

import json

import pytest
from played import Played

from charter.runtime.cli import run_command_line
from charter.runtime.failure import ExitCode
from charter.runtime.ledger import Ledger
from charter.runtime.report.source import read_source


@pytest.fixture
def played(tmp_path) -> Played:
    made = Played(tmp_path / "p")
    made.run()
    return made


def _decide(played: Played, command: str, name: str, who: str, *more: str, capsys) -> tuple[int, str, str]:
    key = str(played.key_file(who))
    code = run_command_line([command, name, "--key", key, "--project", str(played.root), *more])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def _approvals(played: Played) -> list[str]:
    source = read_source(played.project)
    (approval,) = (control for control in source.ir.controls if control.id == "release")
    return [item.person for item in source.verdict(approval).approvals]


def test_two_officers_open_the_gate(played, capsys):
    code, out, _ = _decide(played, "approve", "release", "bob", "--yes", "--comment", "Seen.", capsys=capsys)
    assert code == 0
    assert "1 more of `risk-officer` must sign" in out
    for shown in (
        "roc_auc >= 0.75 with confidence 95%",
        "roc_auc = 0.825 [0.816",
        "holdout was measured 1 time on the rows",
        "train/scorecard:model",
        "no gate on the way denied",
    ):
        assert shown in out
    code, out, _ = _decide(played, "approve", "release", "carol", "--yes", capsys=capsys)
    assert code == 0 and "the quorum is there" in out
    assert _approvals(played) == ["bob@bank.example", "carol@bank.example"]


@pytest.mark.parametrize(
    ("who", "more", "code", "says"),
    [
        ("olga", (), 1, "they are the owner, whom the charter excludes"),
        ("tom", (), 1, "they are the trainer, whom the charter excludes"),
        ("dan", (), 1, "not in the role"),
        ("mallory", (), 1, "key of nobody"),
        ("bob", ("--as", "carol@bank.example"), 1, "somebody else's key"),
        ("bob", ("--comment", "a\nb"), 2, "unusable comment"),
    ],
)
def test_who_may_not(played, capsys, who, more, code, says):
    found, _, err = _decide(played, "approve", "release", who, "--yes", *more, capsys=capsys)
    assert (found, says in err) == (code, True), err
    assert read_source(played.project).signed == ()


def test_nobody_is_asked_without_a_terminal(played, capsys):
    code, out, err = _decide(played, "approve", "release", "bob", capsys=capsys)
    assert code == ExitCode.WRONG_INPUT and "nobody can be asked" in err
    assert "What the signature is good for" in out


def test_a_misspelt_name(played, capsys):
    code, _, err = _decide(played, "approve", "relaese", "bob", "--yes", capsys=capsys)
    assert code == 2 and "Did you mean `release`?" in err


def test_twice_is_once(played, capsys):
    _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    code, _, err = _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    assert code == 2 and "already approved" in err
    assert _approvals(played) == ["bob@bank.example"]


def test_too_early(tmp_path, capsys):
    played = Played(tmp_path / "p")
    played.run(deny={"evaluate/holdout:exit": "`roc_auc` is 0.7, must be >= 0.75"})
    code, _, err = _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    assert code == ExitCode.WAITING
    assert "too early to decide" in err and "`roc_auc` is 0.7" in err


def test_what_was_denied_and_tried_before_is_shown(tmp_path, capsys):
    played = Played(tmp_path / "p")
    played.run(deny={"evaluate/holdout:exit": "`roc_auc` is 0.7, must be >= 0.75"})
    played.edit("epochs: 2", "epochs: 3")
    played.run()
    code, out, _ = _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    assert code == 0
    assert "`roc_auc` is 0.7, must be >= 0.75" in out
    assert "evaluate/holdout was measured 2 times on the rows" in out


def test_an_untrained_or_unauthenticated_model_is_not_approved(tmp_path, capsys):
    played = Played(tmp_path / "p")
    played.run(actor="stranger")
    code, _, err = _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    assert code == 1 and "who the trainer is, is not known" in err


def test_a_retrained_model_needs_new_signatures(played, capsys):
    _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    played.edit("epochs: 2", "epochs: 3")
    played.run()
    assert _approvals(played) == []
    code, out, _ = _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    assert code == 0 and "1 more" in out


def test_reformatting_voids_nothing(played, capsys):
    _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    played.edit("  require   rows >= 5_000", "  # enough\n  require rows >= 5000")
    played.edit('version  "2.1.0"', 'version  "2.1.1"')
    played.run()
    assert _approvals(played) == ["bob@bank.example"]


def test_a_rejection_beats_approvals(played, capsys):
    _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    code, out, _ = _decide(played, "reject", "release", "carol", "--yes", "--json", capsys=capsys)
    assert code == 0 and json.loads(out)["decision"] == "reject"
    assert _approvals(played) == []


def test_a_rejection_after_the_gate_opened_closes_it_again(tmp_path, capsys):
    played = Played(tmp_path / "p")
    played.run(approvals_open=True)
    _, out, _ = _decide(played, "reject", "release", "carol", "--yes", capsys=capsys)
    assert "its gate had opened before" in out and "decides it again" in out


def test_what_changed_while_reading_is_not_signed(played, capsys, monkeypatch):
    from charter.runtime.cli import statement

    def somebody_runs_meanwhile(*_args, **_options):
        played.edit("epochs: 2", "epochs: 3")
        played.run()

    monkeypatch.setattr(statement, "confirm", somebody_runs_meanwhile)
    code, _, err = _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    assert code == ExitCode.WAITING and "what there is to decide changed" in err
    assert read_source(played.project).signed == ()


def test_it_is_recorded_beside_a_run(played, capsys):
    from charter.runtime.lease import lease

    with lease(played.project.lease_path):
        code, _, _ = _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    assert code == 0


def test_no_trust_root(played, capsys):
    played.project.trust_root_path.unlink()
    code, _, err = _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    assert code == 2 and "no trust root here" in err


def test_a_trust_root_edited_by_hand(played, capsys):
    path = played.project.trust_root_path
    path.write_text(path.read_text().replace('"Tom"', '"Tim"'))
    code, _, err = _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    assert code == 1 and "the trust root is not valid" in err


def test_an_envelope_that_is_gone_does_not_count(played, capsys):
    _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    with Ledger.open_read_only(played.project.ledger_path) as ledger:
        (event,) = ledger.events(kinds={"statement.signed"})
        assert ledger.attachment(event.body["envelope"])
    source = read_source(played.project)
    (record,) = source.signed
    from dataclasses import replace

    (approval,) = (control for control in source.ir.controls if control.id == "release")
    gone = replace(source, signed=(replace(record, envelope=b""),))
    assert gone.verdict(approval).approvals == ()


def test_hostile_text_stays_inert(tmp_path, capsys):
    played = Played(tmp_path / "p", purpose="\\u202eEvil <script>alert(1)</script>")
    played.run(deny={"validate/applications:exit": "\x1b[2J\x1b]0;owned\x07"})
    played.edit("rows >= 5_000", "rows >= 5_001")
    played.run()
    _, out, _ = _decide(played, "approve", "release", "bob", "--yes", capsys=capsys)
    assert "\x1b" not in out and "\u202e" not in out
