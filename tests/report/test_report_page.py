"""The report: self-contained, inert, honest about what was not checked, and green only for what is green."""

import re
from html.parser import HTMLParser

import msgspec
from played import Played, record

from charter.compiler.ir import Requirement
from charter.runtime.cli import run_command_line
from charter.runtime.events import Reacted, StageFailed
from charter.runtime.report.build import build_report, ledger_view
from charter.runtime.report.source import read_source
from charter.runtime.report.view import Report


def _page(played: Played, capsys, code: int = 0) -> str:
    assert run_command_line(["report", "--project", str(played.root)]) == code
    capsys.readouterr()
    return (played.root / "charter-report.html").read_text("utf-8")


def _view(played: Played) -> Report:
    return build_report(read_source(played.project), ledger_view(played.project, ""))


def _texts(lines) -> str:
    return "\n".join(line.text for line in lines)


class _Reader(HTMLParser):
    """Text without tags, and every attribute that could load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.outside: list[str] = []
        self.ids: set[str] = set()
        self.targets: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in {"meta", "br", "path", "rect", "i"}:
            self.open.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (name in {"src", "href", "srcset"} and not value.startswith("#")):
                self.outside.append(f"{tag} {name}={value}")
            if name == "id":
                self.ids.add(value)
            if name == "href":
                self.targets.add(value.removeprefix("#"))

    def handle_endtag(self, tag):
        if self.open and tag in self.open:
            assert self.open.pop() == tag, (tag, self.open[-3:])

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    assert reader.open == [], "every tag is closed"
    return reader


def test_one_file_that_loads_nothing_and_runs_nothing(tmp_path, capsys):
    played = Played(tmp_path / "p")
    played.run()
    reader = _read(_page(played, capsys))
    assert reader.outside == []
    assert not {"script", "link", "img", "iframe", "object"}.intersection(reader.tags)
    assert reader.targets <= reader.ids, "every link inside the page leads somewhere"


def test_it_says_what_was_decided_and_why(tmp_path, capsys):
    played = Played(tmp_path / "p")
    played.run(deny={"evaluate/holdout:exit": "`roc_auc` is 0.7, must be >= 0.75"})
    text = " ".join(" ".join(_read(_page(played, capsys)).text).split())
    for said in (
        "Stopped: evaluate/holdout was denied: roc_auc is 0.7, must be >= 0.75.",
        "evaluate/holdout:exit denied on",
        "eu-ai-act Art. 15(1)",
        "What helps: mend it",
        "Nothing can be said of what has not happened: approve/release and deploy/production.",
        "NOT ANCHORED",
        "Owner olga@bank.example",
    ):
        assert said in text, said


def test_a_mended_denial_is_still_told(tmp_path):
    played = Played(tmp_path / "p")
    played.run(deny={"evaluate/holdout:exit": "`roc_auc` is 0.7, must be >= 0.75"})
    played.edit("epochs: 2", "epochs: 3")
    played.run(approvals_open=True)
    view = _view(played)
    assert view.tone == "good" and view.state.startswith("Live: production is deployed")
    told = _texts(view.story)
    assert "evaluate/holdout:exit denied on" in told and "after something had changed" in told
    (held,) = [item for item in view.denied if item.decision.gate == "evaluate/holdout:exit"]
    assert held.later is not None


def test_green_fades_when_the_work_or_the_policies_change(tmp_path):
    played = Played(tmp_path / "p")
    played.run(approvals_open=True)
    assert {stage.exit.tone for stage in _view(played).stages} == {"good"}
    played.edit("quorum 2", "quorum 1")  # other policies: a new bundle
    played.run(deny={"acquire/applications:entry": "no"})
    view = _view(played)
    deploy = next(stage for stage in view.stages if stage.kind == "deploy")
    assert (deploy.exit.word, deploy.exit.tone) == ("allowed what has changed since", "quiet")
    assert {control.standing for control in deploy.controls} == {"stale"}
    assert "changed since" in _texts(view.unchecked)


def test_a_retired_system_that_still_serves_is_no_good_news(tmp_path, monkeypatch):
    from dataclasses import replace

    from charter.runtime.assess import Status
    from charter.runtime.report.story import headline

    played = Played(tmp_path / "p")
    played.run(approvals_open=True)
    source = read_source(played.project)
    deploy = source.standing["deploy/production"]
    retire = msgspec.structs.replace(
        deploy, stage=msgspec.structs.replace(deploy.stage, kind="retire", name="scorecard")
    )
    exit_of_deploy = source.state.stage("deploy/production")
    retire = msgspec.structs.replace(retire, stage=msgspec.structs.replace(retire.stage, id="retire/scorecard"))
    source.state.stages[1, "retire/scorecard"] = exit_of_deploy
    retired = replace(source, standing={"retire/scorecard": retire})
    assert retire.status is Status.DONE and headline(retired)[1] == "good"
    source.state.servers["deploy/production"] = [{"address": "http://127.0.0.1:1"}]
    state, tone = headline(retired)
    assert tone == "bad" and "yet something serves" in state
    assert headline(replace(retired, dead=frozenset({"production"})))[1] == "good"


def test_met_by_the_point_estimate_only(tmp_path):
    played = Played(tmp_path / "p")
    control = next(item for item in played.ir().controls if item.id == "holdout.expected_calibration_error")
    assert isinstance(control, Requirement)
    played.run(values={control.id: record(control, value="0.04", low="0.03", high="0.06")})
    assert "Met by the point estimate only" in _texts(_view(played).story)


def test_declared_evidence_is_named(tmp_path):
    played = Played(tmp_path / "p")
    control = next(item for item in played.ir().controls if item.id == "applications.rows")
    played.run(values={control.id: record(control, grade="declared")})
    assert "Only declared, not measured by the runtime: rows (validate/applications)." in _texts(
        _view(played).unchecked
    )


def test_a_control_that_was_not_evaluated_is_no_green(tmp_path):
    played = Played(tmp_path / "p")
    played.run(hollow=True)
    view = _view(played)
    assert {control.standing for stage in view.stages for control in stage.controls} == {
        "unproved",
        "breached",
        "pending",
    }
    assert "Decided without these controls being evaluated" in _texts(view.unchecked)


def test_who_signed_and_whether_it_counts(tmp_path, capsys):
    played = Played(tmp_path / "p")
    played.run()
    for who, what in (("bob", "approve"), ("carol", "reject")):
        arguments = [what, "release", "--key", str(played.key_file(who)), "--yes", "--comment", f"<b>{who}</b>"]
        assert run_command_line([*arguments, "--project", str(played.root)]) == 0
    (approval,) = _view(played).approvals
    bob, carol = approval.statements
    assert (bob.name, bob.counts, bob.comment) == ("Bob", False, "<b>bob</b>")
    assert "a rejection beats approvals" in bob.reason
    assert (carol.decision, carol.counts) == ("rejects", True)
    page = _page(played, capsys)
    assert "<b>bob" not in page and "&lt;b&gt;bob" in page


def test_hostile_text_is_inert(tmp_path, capsys):
    played = Played(tmp_path / "p", purpose="\\u202e</style><script>alert(1)</script>{{ 7 * 7 }}<img src=x onerror=y>")
    evil = "</script><svg onload=alert(1)>`\x1b[31m\u202e`"
    control = next(item for item in played.ir().controls if item.id == "applications.rows")
    failed = StageFailed(
        run="run-1", stage="deploy/production", iteration=1, key="k", reason="raised", summary=evil, detail=evil
    )
    reacted = Reacted(
        run="run-1", stage="deploy/production", iteration=1, check=1, control=evil, reaction=evil, to=evil, outcome=evil
    )
    played.run(
        deny={"evaluate/holdout:exit": evil},
        values={control.id: record(control, value=evil, method=evil, item=evil)},
        bodies=[(failed, "deploy/production"), (reacted, "deploy/production")],
    )
    page = _page(played, capsys)
    reader = _read(page)
    assert not {"script", "img"}.intersection(reader.tags) and reader.outside == []
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)
    assert "{{ 7 * 7 }}" in "".join(reader.text)


def test_a_ledger_that_was_tampered_with(tmp_path, capsys):
    import apsw

    played = Played(tmp_path / "p")
    played.run()
    connection = apsw.Connection(str(played.project.ledger_path))
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert "records" in tables or "record" in tables, tables
    table = "records" if "records" in tables else "record"
    (body,) = connection.execute(f"SELECT body FROM {table} WHERE seq = 5").fetchone()
    connection.execute(f"UPDATE {table} SET body = ? WHERE seq = 5", (body.replace(b"allow", b"a11ow"),))
    connection.close()
    code = run_command_line(["report", "--project", str(played.root)])
    err = capsys.readouterr().err
    assert code == 1 and "ledger was changed" in err


def test_nothing_has_run_here(tmp_path, capsys):
    assert run_command_line(["report", "--project", str(tmp_path)]) == 2
    assert "no Charter project here" in capsys.readouterr().err


def test_where_it_cannot_be_written(tmp_path, capsys):
    played = Played(tmp_path / "p")
    played.run()
    for output in ("nowhere/x.html", "."):
        code = run_command_line(["report", "--project", str(played.root), "-o", str(played.root / output)])
        assert code == 4
        assert "cannot write the report" in capsys.readouterr().err
    assert not list(played.root.glob("*.html")) and not list(played.root.glob(".*.html*"))
